"""Jobs over the controller: the office sends a sealed one, its technician lists and fetches it, then needs no network.

Never sends a job whose keys lie open, and keeps none that no trusted office has signed or that this person cannot open.
Specification: controller/http_jobs.py; protocols/job.py; README.md beside this file.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from protocols import job as job_files
from protocols.job import JobError
from protocols.signed import public_of
from tools.controller_api import Address, Refused, ask
from tools.errors import DONE, NO, UsageError
from tools.field.jobs import opened
from tools.field.keys import technician_key, trusted_offices
from tools.provision import write_secret
from tools.texts import say

PATH = "/api/v1/jobs"


@dataclass(frozen=True, slots=True)
class Post:
    """Whom to ask, and how the answer is told."""

    to: Address
    as_json: bool
    language: str

    def ask(self, method: str, path: str, parameters: Mapping[str, str], content: bytes | None = None) -> Any:
        """Raises UsageError with the controller's sentence."""
        try:
            return ask(method, self.to, path, parameters, content)
        except Refused as refused:
            raise UsageError("fault_job_refused", why=refused) from None

    def tell(self, told: object, *lines: str) -> None:
        """As JSON, or for people."""
        print(json.dumps(told, ensure_ascii=False) if self.as_json else "\n".join(lines))

    def say(self, key: str, **values: object) -> str:
        return say(self.language, key, **values)


def send(post: Post, file: Path) -> int:
    """The controller keeps it for its technician. Raises UsageError."""
    try:
        text = file.read_text(encoding="utf-8")
        is_sealed = job_files.read(text, None).technician
    except (OSError, UnicodeDecodeError, JobError) as error:
        raise UsageError("fault_job_unreadable", file=file, why=error) from None
    if not is_sealed:
        raise UsageError("fault_job_open", file=file)
    told = post.ask("PUT", PATH, {}, text.encode())
    post.tell(told, post.say("job_sent", job=told["job"], names=_names(told), until=_day(told["until_s"])))
    return DONE


def list_all(post: Post, *, everybody: bool) -> int:
    """What waits for whoever works here, or for anybody."""
    own = "" if everybody else public_of(technician_key())
    told = post.ask("GET", PATH, {"technician": own})
    if told and not post.as_json:
        table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
        for name in ("job", "nodes", "by", "until", "technician"):
            table.add_column(post.say(f"job_column_{name}"))
        for one in told:
            words = (_names(one), one["sent_by"], _day(one["until_s"]), f"{one['technician'][:16]}…")
            table.add_row(one["job"], *map(escape, words))
        Console(highlight=False).print(table)
    else:
        post.tell(told, _nothing(post, own))
    return DONE


def fetch(post: Post, wanted: Sequence[str], folder: Path, office: Path | None) -> int:
    """Each job that waits, or those named, into a file that stays sealed; status 1 when there is none. UsageError."""
    own, offices = public_of(technician_key()), trusted_offices(office)
    numbers = wanted or [str(one["job"]) for one in post.ask("GET", PATH, {"technician": own})]
    told, lines = [], []
    for number in numbers:
        try:
            job = opened(job_files.read(json.dumps(post.ask("GET", f"{PATH}/{number}", {})), offices))
        except JobError as error:
            raise UsageError("fault_job_unreadable", file=number, why=error) from None
        file = folder / f"{job.job}.job"
        is_new = not file.exists()
        if is_new:
            _write(file, job.text())
        told.append({"job": job.job, "file": str(file), "nodes": [node.node for node in job.nodes], "new": is_new})
        names = ", ".join(node.name for node in job.nodes)
        lines.append(post.say("job_fetched" if is_new else "job_kept", job=job.job, file=file, names=names))
    post.tell(told, *(lines or [_nothing(post, own)]))
    return DONE if told else NO


def _write(file: Path, text: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_secret(file, text)
    except OSError as error:
        raise UsageError("fault_unwritable", file=file, why=error.strerror) from None


def withdraw(post: Post, number: str) -> int:
    """It waits no more."""
    post.tell(post.ask("DELETE", f"{PATH}/{number}", {}), post.say("job_withdrawn", job=number))
    return DONE


def _nothing(post: Post, own: str) -> str:
    return post.say("job_none_yours", technician=own) if own else post.say("job_none")


def _names(job: Mapping[str, Any]) -> str:
    return ", ".join(job["nodes"].values())


def _day(unix_s: int) -> str:
    return f"{datetime.fromtimestamp(unix_s, UTC):%Y-%m-%d}"
