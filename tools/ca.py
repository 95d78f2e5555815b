"""The town's certificates on a person's screen: made, renewed, taken back, listed.

Never shows a key, and asks for none: they lie in files. What a certificate is, controller/admin/ca.py knows.
Specification: README.md, `vuzol ca`; controller/admin/README.md, "Certificates".
"""

import contextlib
import json
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from tools.errors import DONE, UsageError
from tools.texts import say

if TYPE_CHECKING:
    from controller.admin.ca import Authority, Issued, Role

SOON_S = 30 * 86_400


@dataclass(frozen=True, slots=True)
class Job:
    """Where the authority is, and how the answer is told."""

    folder: Path
    passphrase_file: Path
    dry_run: bool
    as_json: bool
    language: str


@contextlib.contextmanager
def _authority(job: Job, *, make: bool = False) -> Iterator["Authority"]:
    """The authority, or for a dry run a copy of it that is thrown away. Raises UsageError."""
    from controller.admin.ca import Authority, CaError, passphrase_of

    with contextlib.ExitStack() as closing:
        folder = job.folder
        if job.dry_run:
            folder = Path(closing.enter_context(tempfile.TemporaryDirectory(prefix="vuzol-ca-"))) / "ca"
            if job.folder.exists():
                shutil.copytree(job.folder, folder)
        try:
            if job.dry_run and make and not job.passphrase_file.exists():
                passphrase = b"of a dry run"
            else:
                passphrase = passphrase_of(job.passphrase_file, make=make)
            yield Authority(folder, passphrase)
        except CaError as error:
            raise UsageError(str(error)) from None
        except OSError as error:
            raise UsageError(f"{error.filename} cannot be written ({error.strerror}): give another --folder") from None


def init(name: str, days: int, job: Job) -> int:
    """A new authority. Raises UsageError."""
    is_new = not job.passphrase_file.exists()
    with _authority(job, make=True) as authority:
        made = _told(job, [authority.init(name, days, time.time())])
    if is_new and not (job.dry_run or job.as_json):
        print(say(job.language, "ca_passphrase", file=job.passphrase_file, folder=job.folder))
    return made


def issue(names: Sequence[str], role: "Role", hosts: Sequence[str], days: int, job: Job) -> int:
    """Certificates for those who have none. Raises UsageError."""
    with _authority(job) as authority:
        return _told(job, [authority.issue(name, role, hosts, days, time.time())[0] for name in names])


def renew(names: Sequence[str], days: int, job: Job) -> int:
    """New ones beside those in force. Raises UsageError."""
    with _authority(job) as authority:
        return _told(job, [authority.renew(name, days, time.time())[0] for name in names])


def revoke(names: Sequence[str], job: Job) -> int:
    """Take them back. Raises UsageError."""
    with _authority(job) as authority:
        return _told(job, [one for name in names for one in authority.revoke(name, time.time())], "ca_revoked")


def _told(job: Job, found: Sequence["Issued"], key: str = "ca_issued") -> int:
    if job.as_json:
        print(json.dumps({"dry_run": job.dry_run, "certificates": [asdict(one) for one in found]}))
        return DONE
    for one in found:
        day = f"{datetime.fromtimestamp(one.expires_s, UTC):%Y-%m-%d}"
        role = say(job.language, f"ca_role_{one.role}")
        print(say(job.language, key, name=one.name, role=role, serial=one.serial, until=day, folder=job.folder))
    if job.dry_run:
        print(say(job.language, "ca_dry_run"))
    return DONE


def show(folder: Path, *, as_json: bool, language: str) -> int:
    """Everything that was issued. Raises UsageError."""
    from controller.admin.ca import Authority, CaError

    try:
        issued = Authority(folder).issued
    except CaError as error:
        raise UsageError(str(error)) from None
    if as_json:
        print(json.dumps([asdict(one) for one in issued]))
        return DONE
    if not issued:
        raise UsageError(f"{folder} holds no authority: name its folder with --folder, or type vuzol ca init")
    table = Table(*(say(language, f"ca_column_{name}") for name in ("name", "role", "until", "state")))
    table.add_column(say(language, "ca_column_serial"), overflow="fold")
    for one in issued:
        left_s = one.expires_s - time.time()
        state = "revoked" if one.revoked_s else "expired" if left_s < 0 else "soon" if left_s < SOON_S else "good"
        day = f"{datetime.fromtimestamp(one.expires_s, UTC):%Y-%m-%d}"
        table.add_row(
            one.name, say(language, f"ca_role_{one.role}"), day, say(language, f"ca_state_{state}"), one.serial
        )
    Console(highlight=False).print(table)
    return DONE
