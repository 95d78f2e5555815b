"""Many nodes at once: the demo and the fleet."""

from emulation.town.plan import Reporter, TownError, TownPlan
from emulation.town.town import measure_starts, run

__all__ = ["Reporter", "TownError", "TownPlan", "measure_starts", "run"]
