"""Real nodes and the real controller in virtual time, with faults: `vuzol sim`."""

from emulation.sim.fault_plan import CannotSimulate, load
from emulation.sim.simulation import SimPlan, run

__all__ = ["CannotSimulate", "SimPlan", "load", "run"]
