"""A node that does not come into service any more: its journal is saved first, then it is put right, then it is tried.

Never erases a journal, and never touches anything before the journal lies in a file.
Specification: README.md beside this file; tools/drain.py; firmware/boot_record.py.
"""

import json
from pathlib import Path

from tools import drain
from tools.errors import DONE, NO, UsageError
from tools.field import flashing
from tools.field.board import stopped
from tools.field.devices import INFO
from tools.texts import say

SERVICE_S = 40.0
SIGN = "node {node} "
# The set that the image itself holds is started: what came over the air is taken back, and may come again.
FACTORY = """
import json
from firmware import boot_record
from firmware.boot import board
record = boot_record.BootRecord(board("slots").boot_flash())
running = record.to_start()
for number in range(2):
    if record.slots[number].state != boot_record.EMPTY:
        record.change(number, state=boot_record.EMPTY)
print(json.dumps(0 if running is None else record.slots[running].version))
"""


def run(port: str, image: Path | None, drive: Path | None, out: Path | None, *, as_json: bool, language: str) -> int:
    """Save, mend, try; status 1 when the node still does not serve. Raises UsageError."""
    told: dict[str, object] = {"port": port}
    with stopped(port) as board:
        identity = board.identify()
    if not identity.node:
        raise UsageError("fault_no_settings", port=port)
    saved = out or Path(f"{identity.node}.drain")
    held = drain.save(drain.Job(port, identity.node, identity.board, saved), language)
    told |= {"node": identity.node, "journal": str(saved), "records": held["records"], "waiting": held["waiting"]}
    if image is not None or (drive is not None and (drive / INFO).is_file()):
        uf2 = flashing.image_of(identity.board, image)
        if not as_json:
            print(say(language, "flash_drive", image=uf2.name), flush=True)
        flashing.put_image(uf2, flashing.wait_for_drive(identity.board, drive))
        told["image"] = str(uf2)
    with stopped(port) as board:
        told["taken_back"] = board.ask(FACTORY)
        board.reset()
        heard = board.console(1.0)
        for _ in range(int(SERVICE_S)):
            if SIGN.format(node=identity.node) in heard:
                break
            heard += board.console(1.0)
    serves = SIGN.format(node=identity.node) in heard
    told["serves"] = serves
    print(json.dumps(told) if as_json else say(language, "recover_done" if serves else "recover_red", **told))
    return DONE if serves else NO
