"""Many simulations, one on each core, and a row of a Markdown table for each as it ends: `make long`.

Never judges: the ledgers do. The status is 1 when one of them does not reconcile. With --folder each result is kept as
<plan>-<seed>.json, and a seed whose result is there is not simulated again: a series can be run in parts.
Specification: emulation/sim/README.md; the table of the last run stands in protocols/README.md.
"""

import argparse
import json
import os
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from tools.errors import DONE, NO

HEAD = (
    "| seed | plan | nodes | hours | faults | journalled | stored | lost | twice | gaps | reconciles | wall s |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|---|"
)


def simulate(seed: int, plan: str, nodes: int, hours: float, folder: Path | None) -> dict[str, Any]:
    """One of them, in a process of its own."""
    from emulation import sim

    kept = folder / f"{plan}-{seed}.json" if folder else None
    if kept is not None and kept.exists():
        return dict(json.loads(kept.read_text(encoding="utf-8")))
    result = sim.run(sim.SimPlan(nodes=nodes, hours=hours, seed=seed, faults=sim.load(plan)))
    result |= {"plan": plan, "nodes": nodes}
    if kept is not None:
        kept.write_text(json.dumps(result) + "\n", encoding="utf-8")
    return result


def row(result: dict[str, Any]) -> str:
    """One line of the table."""
    records = result["records"]
    cells = (
        result["seed"], result["plan"], result["nodes"], result["virtual_hours"], sum(result["faults"].values()),
        records["journalled"], records["stored"], records["lost"], records["duplicated"], records["declared_gaps"],
        "yes" if result["ledger"]["reconciles"] else "; ".join(result["ledger"]["differences"][:3]), result["wall_s"],
    )  # fmt: skip
    return f"| {' | '.join(map(str, cells))} |"


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.sim_series", description="Simulate many seeds, print a table."
    )
    parser.add_argument("--seeds", type=int, default=20, help="the last of them (20)")
    parser.add_argument("--from", type=int, default=1, dest="first", help="the first of them (1)")
    parser.add_argument("--nodes", type=int, default=40)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--faults", nargs="+", default=["storm", "outage-13h"], help="plans, taken in turn")
    parser.add_argument("--folder", type=Path, help="where results are kept and found")
    asked = parser.parse_args()
    if asked.folder is not None:
        asked.folder.mkdir(parents=True, exist_ok=True)
    print(HEAD, flush=True)
    sound = True
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as processes:
        running = [
            processes.submit(
                simulate, seed, asked.faults[(seed - 1) % len(asked.faults)], asked.nodes, asked.hours, asked.folder
            )
            for seed in range(asked.first, asked.seeds + 1)
        ]
        for done in as_completed(running):
            result = done.result()
            sound = sound and result["ledger"]["reconciles"]
            print(row(result), flush=True)
    return DONE if sound else NO


if __name__ == "__main__":
    sys.exit(main())
