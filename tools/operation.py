"""What keeps an installation alive, on a person's screen: backup, restore, doctor.

Never touches a database itself: controller/admin does.
Specification: README.md, `vuzol backup`, `vuzol restore`, `vuzol doctor`; controller/admin/README.md.
"""

import json
import time
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from tools.errors import DONE, NO, UsageError
from tools.texts import say

MARKS = {"ok": "[green]✓[/]", "warning": "[yellow]![/]", "error": "[bold red]✗[/]"}


def backup(config: Path, to: Path | None, *, as_json: bool, language: str) -> int:
    """Take a backup and read it again. Raises UsageError."""
    from controller.admin.backup import BackupError, take

    try:
        with Progress(
            TextColumn(say(language, "backup_copying")),
            BarColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        ) as bar:
            task = bar.add_task("", total=None)
            target, manifest = take(
                config, to, time.time(), lambda done, total: bar.update(task, completed=done, total=total)
            )
    except BackupError as error:
        raise UsageError(str(error)) from None
    size = target.stat().st_size
    told = {"file": str(target), "bytes": size} | asdict(manifest)
    if as_json:
        print(json.dumps(told, ensure_ascii=False))
    else:
        print(say(language, "backup_done", mb=f"{size / 1e6:.1f}", **told))
    return DONE


def restore(file: Path, config: Path, *, dry_run: bool, as_json: bool, language: str) -> int:
    """Put a backup in place; what was there is moved aside. Raises UsageError."""
    from controller.admin.backup import BackupError, verify
    from controller.admin.backup import restore as put_in_place
    from controller.admin.keys import lacking_master_key

    try:
        manifest, moved = (verify(file), []) if dry_run else put_in_place(file, config, time.time())
        lacks = "" if dry_run else lacking_master_key(config)
    except BackupError as error:
        raise UsageError(str(error)) from None
    told = {"file": str(file), "restored": not dry_run, "moved_aside": [str(one) for one in moved]} | asdict(manifest)
    told["lacks_master_key"] = lacks
    if as_json:
        print(json.dumps(told, ensure_ascii=False))
        return DONE
    print(say(language, "restore_would" if dry_run else "restore_done", **told))
    for one in moved:
        print(say(language, "restore_moved", file=one))
    if lacks:
        print(say(language, "restore_lacks_master_key", file=lacks))
    return DONE


def doctor(config: Path, *, as_json: bool, language: str) -> int:
    """Print every finding; status 1 when one of them is an error."""
    from controller.admin.doctor import examine

    findings = examine(config, time.time())
    wrong = any(finding.level == "error" for finding in findings)
    if as_json:
        rows = [asdict(finding) | {"text": say("en", finding.what, **finding.details)} for finding in findings]
        print(json.dumps({"healthy": not wrong, "findings": rows}, ensure_ascii=False))
    else:
        console = Console(highlight=False)
        for finding in findings:
            text = say(language, finding.what, **finding.details)
            console.print(f"{MARKS[finding.level]} ", end="")
            console.print(text, markup=False, soft_wrap=True)
    return NO if wrong else DONE
