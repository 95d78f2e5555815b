"""`vuzol install` without a job: questions and answers, for people who do not type commands.

Never decides for a person, and never asks what the job or the boards tell by themselves.
Specification: README.md beside this file, "The technician's day".
"""

from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.prompt import Confirm, Prompt

from tools.errors import DONE, UsageError
from tools.field import devices, install, jobs, record
from tools.field.work import Work
from tools.texts import say

JOBS = "*.job"


def ask_person(question: str) -> bool:
    """Yes or no from whoever sits there."""
    return bool(Confirm.ask(question, default=True))


def run(wish: install.Wish) -> int:
    """Lead through one installation. Raises UsageError."""
    language = wish.language
    Console().rule(say(language, "guide_title"))
    job = _job(language)
    jobs.show(job, wish.office, as_json=False, language=language)
    ports = _ports(wish.ports, language)
    if ports is None or not ask_person(say(language, "guide_begin")):
        return DONE
    chosen = replace(wish, job=job, ports=ports, ask=ask_person)
    while (status := install.run(chosen, as_json=False, dry_run=False)) != DONE:
        if not ask_person(say(language, "guide_again")):
            return status
    photo = Prompt.ask(say(language, "guide_photo"), default="")
    for path in sorted(Work(job).folder.glob("*.commissioning.json")) if photo else ():
        record.run(path, Path(photo), "", wish.to, as_json=False, language=language)
    return DONE


def _job(language: str) -> Path:
    found = [str(path) for path in sorted(Path().glob(JOBS))]
    if not found:
        raise UsageError(say(language, "guide_no_job"))
    if len(found) == 1:
        return Path(found[0])
    return Path(Prompt.ask(say(language, "guide_which_job"), choices=found, default=found[0]))


def _ports(named: tuple[str, ...], language: str) -> tuple[str, ...] | None:
    """The board's port; none while it waits for its first image; None when the person gives up."""
    while not named:
        named = tuple(devices.ports())
        if named or devices.drives():
            devices.run([], as_json=False, language=language)
            if not named and ask_person(say(language, "guide_new_board")):
                return ()
        elif not ask_person(say(language, "guide_plug_in")):
            return None
    if len(named) == 1:
        return named
    return (Prompt.ask(say(language, "guide_which_port"), choices=list(named), default=named[0]),)
