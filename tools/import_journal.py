"""Hand a drain file to the controller, which stores it under the same ledger: each record once, marked as imported.

Never decides what is new: the controller compares.
Specification: README.md, "Dead nodes"; controller/README.md, "Dead nodes".
"""

import json
from pathlib import Path

from tools.controller_api import Address, Refused, ask
from tools.errors import DONE, NO, UsageError
from tools.texts import say

CONFLICT = 409


def run(file: Path, to: Address, *, dry_run: bool, despite_conflicts: bool, as_json: bool, language: str) -> int:
    """Print what became of the records; status 1 when nothing is stored because numbers conflict. Raises UsageError."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise UsageError("fault_no_drain", file=file, why=error.strerror) from None
    try:
        told = ask("PUT", to, "/api/v1/import", {"dry_run": dry_run, "despite_conflicts": despite_conflicts}, data)
    except Refused as refused:
        if refused.status != CONFLICT or not isinstance(refused.told, dict):
            raise UsageError("fault_drain_refused", file=file, why=refused) from None
        told = refused.told
    if as_json:
        print(json.dumps(told, ensure_ascii=False))
    else:
        print(say(language, "import_found", **told))
        if told["conflicting"]:
            numbers = ", ".join(map(str, told["conflicts"]))
            print(say(language, "import_conflicts", numbers=numbers, **told))
        if told["refused"]:
            print(say(language, "import_refused", **told))
        else:
            print(say(language, "import_would" if dry_run else "import_stored", **told))
    return NO if told["refused"] else DONE
