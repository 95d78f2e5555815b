"""A simulation on a person's screen: how far it is, then what went wrong in it and the ledger.

Never knows how time is made: `emulation.sim` makes it and reports.
Specification: README.md beside this file, "`vuzol sim --json FILE`" (the JSON keys are stable).
"""

import json
from pathlib import Path

from tools.demo import Screen
from tools.errors import DONE, NO, UsageError


def run(*, nodes: int, hours: float, seed: int, faults: str, json_file: Path | None, language: str) -> int:
    """Simulate; the exit status: 0 when the ledger reconciles, else 1. Raises UsageError."""
    from emulation import sim

    if json_file is not None:
        json_file.touch()  # better now than after a day
    with Screen(language, headless=False) as screen:
        try:
            plan = sim.SimPlan(nodes=nodes, hours=hours, seed=seed, faults=sim.load(faults))
            result = sim.run(plan, screen.step)
        except sim.CannotSimulate as error:
            raise UsageError(str(error)) from None
    if json_file is not None:
        json_file.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    happened = ", ".join(f"{name} {count}" for name, count in result["faults"].items() if count)
    screen.line("sim_done", hours=result["virtual_hours"], wall=result["wall_s"], faults=happened or "-")
    screen.line("sim_trace", seed=result["seed"], hash=result["trace_hash"])
    screen.ledger(result)
    return DONE if result["ledger"]["reconciles"] else NO
