"""The commissioning record: what was done to a board, when, with which results, signed by the technician's own key.

Never holds a secret, and never claims what nobody looked at: that stands in it as unseen.
Specification: controller/http_commissioning.py takes it; README.md beside this file.
"""

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from protocols import signed
from tools import controller_api
from tools.controller_api import Refused
from tools.errors import DONE, NO, UsageError
from tools.field.keys import technician_key
from tools.provision import write_secret
from tools.texts import say

VERSION = 1
PATH = "/api/v1/commissioning"


def make(told: Mapping[str, Any]) -> dict[str, Any]:
    """A signed record. Raises UsageError."""
    key = technician_key()
    record = {"vuzol_commissioning": VERSION, **told}
    signature = signed.sign(key, signed.COMMISSIONING, record)
    return {"record": record, "technician": signed.public_of(key), "signature": signature}


def save(report: Mapping[str, Any], path: Path) -> None:
    """Whole or not at all."""
    write_secret(path, json.dumps(report, ensure_ascii=False, indent=1) + "\n")


def load(path: Path) -> dict[str, Any]:
    """Raises UsageError."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return dict(found) if found["record"]["node"] else {}
    except (OSError, ValueError, KeyError, TypeError):
        raise UsageError("fault_no_record", file=path) from None


def add_photo(report: Mapping[str, Any], photo: Path, note: str) -> dict[str, Any]:
    """Signed anew with a photo's name and hash; the photo itself stays where it is. Raises UsageError."""
    record = dict(report["record"])
    del record["vuzol_commissioning"]
    try:
        record["photo"] = {"file": photo.name, "sha256": sha256(photo.read_bytes()).hexdigest()}
    except OSError as error:
        raise UsageError("fault_unreadable", file=photo, why=error.strerror) from None
    return make(record | ({"note": note} if note else {}))


def send(report: Mapping[str, Any], to: controller_api.Address) -> None:
    """Raises UsageError when nobody answers or the answer is no."""
    try:
        controller_api.ask("PUT", to, PATH, {}, json.dumps(report, ensure_ascii=False).encode())
    except Refused as refused:
        raise UsageError("fault_record_refused", why=refused) from None


def run(
    path: Path, photo: Path | None, note: str, to: controller_api.Address | None, *, as_json: bool, language: str
) -> int:
    """Add a photo, and hand the record to the controller; status 1 when it could not be sent."""
    report = load(path)
    if photo is not None:
        report = add_photo(report, photo, note)
        save(report, path)
    sent = to is not None
    if to is not None:
        send(report, to)
    told = {"node": report["record"]["node"], "file": str(path), "sent": sent, "technician": report["technician"]}
    print(json.dumps(told) if as_json else say(language, "report_sent" if sent else "report_kept", **told))
    return DONE if sent else NO
