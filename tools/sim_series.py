"""Many simulations, one on each core, and a row of a Markdown table for each as it ends: `make long`.

Never judges: the ledgers do. The status is 1 when one of them does not reconcile.
Specification: emulation/sim/README.md; the table of the last run stands in protocols/README.md.
"""

import argparse
import os
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Any

from tools.errors import DONE, NO

HEAD = (
    "| seed | plan | nodes | hours | faults | journalled | stored | lost | twice | gaps | reconciles | wall s |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|---|"
)


def simulate(seed: int, plan: str, nodes: int, hours: float) -> dict[str, Any]:
    """One of them, in a process of its own."""
    from emulation import sim

    return sim.run(sim.SimPlan(nodes=nodes, hours=hours, seed=seed, faults=sim.load(plan)))


def row(result: dict[str, Any], plan: str, nodes: int) -> str:
    """One line of the table."""
    records = result["records"]
    cells = (
        result["seed"], plan, nodes, result["virtual_hours"], sum(result["faults"].values()), records["journalled"],
        records["stored"], records["lost"], records["duplicated"], records["declared_gaps"],
        "yes" if result["ledger"]["reconciles"] else "; ".join(result["ledger"]["differences"][:3]), result["wall_s"],
    )  # fmt: skip
    return f"| {' | '.join(map(str, cells))} |"


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.sim_series", description="Simulate many seeds, print a table."
    )
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--nodes", type=int, default=40)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--faults", nargs="+", default=["storm", "outage-13h"], help="plans, taken in turn")
    asked = parser.parse_args()
    print(HEAD, flush=True)
    sound = True
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as processes:
        running = {}
        for seed in range(1, asked.seeds + 1):
            plan = asked.faults[(seed - 1) % len(asked.faults)]
            running[processes.submit(simulate, seed, plan, asked.nodes, asked.hours)] = plan
        for done in as_completed(running):
            result = done.result()
            sound = sound and result["ledger"]["reconciles"]
            print(row(result, running[done], asked.nodes), flush=True)
    return DONE if sound else NO


if __name__ == "__main__":
    sys.exit(main())
