"""`vuzol install` without a job: questions and answers, for people who do not type commands.

Never decides for a person, and never asks what the job or the boards tell by themselves.
Specification: README.md beside this file, "The technician's day".
"""

from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.prompt import Prompt

from tools.errors import DONE, UsageError
from tools.field import devices, install, jobs, record
from tools.field.selftest import Ask
from tools.field.work import Work
from tools.texts import say

JOBS = "*.job"


def person(language: str) -> Ask:
    """Whoever sits there: yes or no in their language or in English; Enter is yes."""
    yes, no = (say(language, key).split() for key in ("guide_yes", "guide_no"))

    def ask(question: str) -> bool:
        answer = ""
        while answer not in yes + no:
            answer = input(f"{question} [{yes[0].upper()}/{no[0]}] ").strip().lower() or yes[0]
        return answer in yes

    return ask


def run(wish: install.Wish) -> int:
    """Lead through one installation. Raises UsageError."""
    language, ask = wish.language, person(wish.language)
    Console().rule(say(language, "guide_title"))
    job = _job(language)
    jobs.show(job, wish.office, as_json=False, language=language)
    ports = () if wish.drives else _ports(wish.ports, ask, language)
    if ports is None:
        return DONE
    node, line = wish.node or _node(job, wish.office, ports, language), wish.line or _line(job, wish.office, language)
    if not ask(say(language, "guide_begin")):
        return DONE
    chosen = replace(wish, job=job, ports=ports, node=node, line=line, ask=ask)
    while (status := install.run(chosen, as_json=False, dry_run=False)) != DONE:
        if not ask(say(language, "guide_again")):
            return status
    photo = Prompt.ask(say(language, "guide_photo"), default="")
    for path in sorted(Work(job).folder.glob("*.commissioning.json")) if photo else ():
        record.run(path, Path(photo), "", wish.to, as_json=False, language=language)
    return DONE


def _job(language: str) -> Path:
    found = [str(path) for path in sorted(Path().glob(JOBS))]
    if not found:
        raise UsageError("guide_no_job")
    if len(found) == 1:
        return Path(found[0])
    return Path(Prompt.ask(say(language, "guide_which_job"), choices=found, default=found[0]))


def _ports(named: tuple[str, ...], ask: Ask, language: str) -> tuple[str, ...] | None:
    """The board's port; none while it waits for its first image; None when the person gives up."""
    while not named:
        named = tuple(devices.ports())
        if named or devices.drives():
            devices.run([], as_json=False, language=language)
            if not named and ask(say(language, "guide_new_board")):
                return ()
        elif not ask(say(language, "guide_plug_in")):
            return None
    if len(named) == 1:
        return named
    return (Prompt.ask(say(language, "guide_which_port"), choices=list(named), default=named[0]),)


def _node(path: Path, office: Path | None, ports: tuple[str, ...], language: str) -> str:
    """Which node of the job a blank board becomes; "" when there is nothing to choose."""
    job = jobs.load(path, office)
    free = [node for node in job.nodes if job.has(node)]
    known = devices.look(ports[0], language).identity if ports and len(free) > 1 else None
    if len(free) < 2 or (known and known.node):
        return ""
    for number, node in enumerate(free, 1):
        print(f"{number}  {node.name}  {node.kind}")
    numbers = [str(number) for number in range(1, len(free) + 1)]
    return free[int(Prompt.ask(say(language, "guide_which_node"), choices=numbers, default="1")) - 1].node


def _line(path: Path, office: Path | None, language: str) -> str:
    """The adapter on the pair, if a node of the job has one."""
    uplinks = {node.settings["uplink"]["transport"] for node in jobs.load(path, office).nodes}
    return Prompt.ask(say(language, "guide_line"), default="") if "modbus_rtu" in uplinks else ""
