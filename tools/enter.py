"""A sheet of meters or of readings into the controller: all of it, or its mistakes by line.

Never reads the sheet itself: the controller does. Specification: README.md, `vuzol enter`.
"""

import json
from pathlib import Path

from tools.controller_api import Address, Refused, ask
from tools.errors import DONE, NO, UsageError
from tools.texts import say

SHOWN = 20


def run(file: Path, to: Address, *, dry_run: bool, as_json: bool, language: str) -> int:
    """Print what became of it; status 1 when lines are wrong and nothing is stored. Raises UsageError."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise UsageError(f"{file} cannot be read ({error.strerror}): name a CSV file") from None
    try:
        told = ask("PUT", to, "/api/v1/points/file", {"dry_run": dry_run}, data)
    except Refused as refused:
        if not isinstance(refused.told, dict) or "problems" not in refused.told:
            raise UsageError(f"the controller refused {file}: {refused}") from None
        told = refused.told
    problems = told["problems"]
    if as_json:
        print(json.dumps(told, ensure_ascii=False))
        return NO if problems else DONE
    for one in problems[:SHOWN]:
        print(f"{file}:{one['line']}: {one['message']}")
    if problems:
        print(say(language, "enter_wrong", lines=len(problems)))
    else:
        print(say(language, "enter_would" if dry_run else "enter_done", **told))
    return NO if problems else DONE
