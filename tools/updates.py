"""Rollouts of releases on a person's screen: proposed, watched, paused, resumed, stopped.

Never decides who is next and never holds a publisher's key: the controller does the one, nobody here the other.
Specification: README.md, `vuzol update`; controller/README.md, "Updates".
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from tools.controller_api import Address, Refused, ask
from tools.errors import DONE, NO, UsageError
from tools.texts import say

PATH = "/api/v1/updates"
LOOK_S = 2.0
NAMED = 8  # nodes of a wave
ENDED = ("confirmed", "rolled_back", "refused", "failed", "lost", "unfit")
BAD = ENDED[1:-1]


@dataclass(frozen=True, slots=True)
class Job:
    """Whom to ask, and how the answer is told."""

    to: Address
    as_json: bool
    language: str

    def ask(self, method: str, path: str, parameters: Mapping[str, Any], content: bytes | None = None) -> Any:
        """Raises UsageError with the controller's sentence."""
        try:
            return ask(method, self.to, path, parameters, content)
        except Refused as refused:
            raise UsageError(str(refused)) from None

    def say(self, key: str, **values: object) -> str:
        return say(self.language, key, **values)


def start(job: Job, file: Path, plan: Mapping[str, Any], *, dry_run: bool) -> int:
    """Propose to let a release go out; with `dry_run` only show to whom, in which waves."""
    try:
        packed = file.read_bytes()
    except OSError as error:
        raise UsageError(f"{file} cannot be read ({error.strerror}): name a release of vuzol release") from None
    told = job.ask("PUT", PATH, {**plan, "dry_run": dry_run}, packed)
    if job.as_json:
        print(json.dumps(told, ensure_ascii=False))
        return DONE
    for number, nodes in enumerate(told["waves"], 1):
        named = ", ".join(nodes[:NAMED]) + (" …" if len(nodes) > NAMED else "")
        print(job.say("update_wave", number=number, count=len(nodes), nodes=named))
    print(job.say("update_dry_run" if dry_run else "update_proposed", **told))
    return DONE


def list_all(job: Job) -> int:
    """Every rollout, the newest first."""
    told = job.ask("GET", PATH, {})
    if job.as_json:
        print(json.dumps(told, ensure_ascii=False))
        return DONE
    table = Table(box=SIMPLE_HEAD, padding=(0, 1))
    for name in ("release", "state", "wave", "nodes", "by"):
        table.add_column(job.say(f"update_column_{name}"))
    for one in told:
        nodes = ", ".join(f"{job.say(f'update_{state}')} {count}" for state, count in one["states"].items())
        table.add_row(
            str(one["version"]), escape(_state(job, one)), f"{one['wave']}/{one['waves']}", nodes, one["started_by"]
        )
    Console(highlight=False).print(table)
    return DONE


def show(job: Job, version: int, *, watch: bool) -> int:
    """One rollout node by node, the causes of failures with it; status 1 when a node failed."""
    told = job.ask("GET", f"{PATH}/{version}", {})
    if watch and not job.as_json:
        told = _watched(job, version, told)
    if job.as_json:
        print(json.dumps(told, ensure_ascii=False))
    else:
        _print_nodes(job, told)
    return NO if any(node["state"] in BAD for node in told["nodes"]) else DONE


def _watched(job: Job, version: int, told: dict[str, Any]) -> dict[str, Any]:
    """Until every node has ended or the rollout does not run any more."""
    with Progress(TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}")) as screen:
        bar = screen.add_task(job.say("update_column_nodes"), total=len(told["nodes"]))
        while told["rollout"]["state"] == "running":
            ended = sum(node["state"] in ENDED for node in told["nodes"])
            screen.update(bar, completed=ended, total=len(told["nodes"]))
            if ended == len(told["nodes"]):
                break
            time.sleep(LOOK_S)
            told = job.ask("GET", f"{PATH}/{version}", {})
    return told


def _print_nodes(job: Job, told: dict[str, Any]) -> None:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1))
    for name in ("node", "wave", "state", "cause"):
        table.add_column(job.say(f"update_column_{name}"))
    for node in told["nodes"]:
        cause = job.say(f"update_cause_{node['reason']}") if node["reason"] else ""
        look = "bold red" if node["state"] in BAD else ""
        name = f"{escape(node['name'])} {node['node']}"
        table.add_row(name, str(node["wave"]), job.say(f"update_{node['state']}"), cause, style=look)
    console = Console(highlight=False)
    console.print(table)
    console.print(_state(job, told["rollout"]), soft_wrap=True, markup=False)


def _state(job: Job, rollout: Mapping[str, Any]) -> str:
    reason = job.say("update_reason_failures") if rollout["reason"] == "failures" else rollout["reason"]
    return job.say(f"update_{rollout['state']}") + (f": {reason}" if reason else "")


def change(job: Job, version: int, do: str, reason: str) -> int:
    """Pause, resume or stop it."""
    told = job.ask("POST", f"{PATH}/{version}", {"do": do, "reason": reason})
    if job.as_json:
        print(json.dumps(told["rollout"], ensure_ascii=False))
    else:
        print(job.say("update_changed", version=version, state=job.say(f"update_{told['rollout']['state']}")))
    return DONE
