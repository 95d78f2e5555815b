"""Decode an M-Bus telegram that somebody captured: what the meter says, in a table or as JSON.

Never speaks to a meter. Specification: EN 13757-2 and -3; protocols/wire/mbus decodes.
"""

import json
import re
from typing import Any

from protocols import mbus_names
from protocols.wire.errors import MalformedFrame
from protocols.wire.mbus import frame, records, telegram
from tools.errors import DONE, NO, UsageError
from tools.texts import say

_SEPARATORS = re.compile(r"[\s:,-]|0x", re.IGNORECASE)


def decode(text: str) -> dict[str, Any]:
    """Header and records of the telegram. Raises UsageError, MalformedFrame and MeterRefused."""
    try:
        data = bytes.fromhex(_SEPARATORS.sub("", text))
    except ValueError:
        raise UsageError("the telegram is not hexadecimal: give it as two digits a byte, such as 'E5'") from None
    found = frame.parse(data)
    if found is None:
        return {"header": {"frame": "acknowledgement"}, "records": []}
    link = {"control": f"{found.control:02X}", "address": found.address}
    if found.ci is None:
        return {"header": {"frame": "short", **link}, "records": []}
    told = telegram.parse(found)
    known = told.header
    header = {
        "frame": "long",
        **link,
        "ci": f"{found.ci:02X}",
        "id": known.id,
        "manufacturer": known.manufacturer,
        "version": known.version,
        "medium": mbus_names.medium(known.medium),
        "access_number": known.access_number,
        "status": None if known.status is None else f"{known.status:02X}",
        "signature": known.signature,
    }
    rows = [_row(record) for record in told.records]
    return {"header": header | {"more_follow": told.more_follow}, "records": rows}


def _row(record: records.Record) -> dict[str, Any]:
    return {
        "value": records.value(record),
        "unit": record.unit,
        "quantity": record.quantity,
        "function": mbus_names.FUNCTIONS[record.function],
        "storage": record.storage,
        "tariff": record.tariff,
        "device": record.device,
        "qualifiers": mbus_names.qualifiers(record.vifes),
    }


def run(text: str, *, as_json: bool, language: str) -> int:
    """Print what the telegram says; status 1 when it cannot be decoded."""
    try:
        answer = decode(text)
    except (MalformedFrame, telegram.MeterRefused) as wrong:
        reason = say(language, "mbus_refused" if isinstance(wrong, telegram.MeterRefused) else "mbus_malformed")
        detail = wrong.detail if isinstance(wrong, MalformedFrame) else str(wrong)
        print(json.dumps({"error": detail}) if as_json else f"{reason}: {detail}")
        return NO
    if as_json:
        print(json.dumps(answer, ensure_ascii=False))
        return DONE
    print("  ".join(f"{key} {value}" for key, value in answer["header"].items() if value is not None))
    for row in answer["records"]:
        place = f"storage {row['storage']}  tariff {row['tariff']}  device {row['device']}"
        quantity = ", ".join([row["quantity"], *row["qualifiers"]])
        print(f"{row['value']!s:>24} {row['unit']:<8} {quantity} ({row['function']})  {place}")
    return DONE
