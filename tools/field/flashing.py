"""Firmware onto a board: its image through a boot loader's drive, and a release's set of modules into a slot.

Never starts what it has not read back, and never writes into the slot that runs.
Specification: README.md beside this file; protocols/release.py; firmware/boot_record.py; boards/<board>/board.toml.
"""

import json
import shutil
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from protocols import release
from protocols.wire import manifest
from tools.errors import DONE, UsageError
from tools.field.board import Board, Identity, facts, stopped
from tools.field.devices import INFO, drives
from tools.field.loader import Loader
from tools.firmware_image import cached_image
from tools.image_plan import image_of_uf2
from tools.texts import say

DRIVE_S = 60.0
LOOK_S = 0.1
PAGE_BYTES = 256

# Which slot may be written: never the running one; what is being written is on record as nothing that could be started.
CHOOSE = """
import json
from firmware import boot_record
from firmware.boot import board as of_board
from protocols.wire.manifest import IMAGE
slots = of_board("slots")
record = boot_record.BootRecord(slots.boot_flash())
running = record.to_start()
number = 0 if running is None else 1 - running
told = {"number": number, "running": 0 if running is None else record.slots[running].version, "floor": record.floor}
told["bad"] = [slot.version for slot in record.slots if slot.state == boot_record.BAD]
told["image"], told["slot_bytes"] = IMAGE, slots.slot_flash(number).ioctl(4, 0) * 4096
print(json.dumps(told))
"""
CONFIRM = """
record.change(number, state=boot_record.CONFIRMED, patience=0, reason=0, version={version}, size={size},
    sha256=bytes.fromhex("{sha256}"), manifest_size={manifest_size})
"""

OnSent = Callable[[int], None]


def image_of(board: str, named: Path | None) -> Path:
    """The UF2 file: as named, or as this source tree was built. Raises UsageError."""
    if "bootloader_board_id" not in facts(board).get("usb", {}):
        raise UsageError("fault_no_boot_loader", board=board)
    path = named or cached_image(board).uf2
    try:
        image_of_uf2(path.read_bytes())
    except OSError:
        raise UsageError("fault_no_image", file=path, board=board) from None
    except (ValueError, struct.error):
        raise UsageError("fault_no_uf2", file=path) from None
    return path


def wait_for_drive(board: str, named: Path | None, timeout_s: float = DRIVE_S) -> Path:
    """The boot loader's drive. Raises UsageError: what a person has to do."""
    deadline_s = time.monotonic() + timeout_s
    while time.monotonic() < deadline_s:
        found = [named] if named and (named / INFO).is_file() else [] if named else drives(board)
        if len(found) == 1:
            return found[0]
        if len(found) > 1:
            raise UsageError("fault_several_drives", drives=", ".join(map(str, found)))
        time.sleep(LOOK_S)
    raise UsageError("fault_no_drive")


def put_image(uf2: Path, drive: Path) -> None:
    """Copy it; the board takes the drive away and starts. Raises UsageError."""
    try:
        shutil.copyfile(uf2, drive / uf2.name)
    except OSError as error:
        if drive.exists():
            raise UsageError("fault_drive_refuses", drive=drive, why=error.strerror) from None
    deadline_s = time.monotonic() + DRIVE_S
    while (drive / INFO).exists():
        if time.monotonic() > deadline_s:
            raise UsageError("fault_drive_stays", drive=drive)
        time.sleep(LOOK_S)


def read_release(path: Path) -> release.Release:
    """A release that its publisher has signed. Raises UsageError."""
    try:
        found = release.read(path.read_bytes())
    except OSError as error:
        raise UsageError("fault_unreadable", file=path, why=error.strerror) from None
    except release.ReleaseFault as fault:
        raise UsageError("fault_no_release", file=path, why=fault) from None
    if not found.is_authentic:
        raise UsageError("fault_release_changed" if found.signature else "fault_release_unsigned", file=path)
    return found


def slot_of(found: release.Release) -> bytes:
    """What a slot holds of it: the manifest, and the image from the next page on. Raises UsageError."""
    size = manifest.length(found.manifest)
    try:
        return found.data[:size].ljust(image_at(size), b"\xff") + found.image()
    except release.ReleaseFault as fault:
        raise UsageError(str(fault)) from None


def put_release(
    board: Board, identity: Identity, kind: str, found: release.Release, publishers: Sequence[str], on_sent: OnSent
) -> dict[str, int]:
    """Into the free slot, verified by hashes read back, and on record as what starts next. Raises UsageError.

    `kind` is the node's, `publishers` are the public keys that it believes; a node without any takes no updates, by
    cable either.
    """
    told = found.manifest
    if identity.board != told.board:
        raise UsageError(
            "fault_release_board", board=told.board, port=board.port, found=identity.board or identity.machine
        )
    if kind not in found.kinds:
        raise UsageError(
            "fault_release_kind", kinds=", ".join(found.kinds), port=board.port, found=kind or "blank board"
        )
    if found.public.hex() not in publishers:
        raise UsageError("fault_release_publisher", publisher=found.public.hex()[:16])
    loader = Loader(board)
    loader.open()
    chosen = board.ask(CHOOSE)
    data = slot_of(found)
    if chosen["running"] == told.counter:
        return {"bytes": len(data), "sent": 0, "version": told.counter}
    if chosen["floor"] > told.counter:
        raise UsageError("fault_release_older", floor=chosen["floor"], port=board.port, counter=told.counter)
    if told.counter in chosen["bad"]:
        raise UsageError("fault_release_bad", counter=told.counter, port=board.port)
    if told.image > chosen["image"] or len(data) > chosen["slot_bytes"]:
        raise UsageError("fault_release_needs_image", port=board.port)
    board.run("record.change(number, state=boot_record.EMPTY)")
    sent = loader.put_flash("slots.slot_flash(number)", data, on_sent)
    size = manifest.length(told)
    digest = sha256(found.data[:size]).hexdigest()
    board.run(CONFIRM.format(version=told.counter, size=len(found.data), sha256=digest, manifest_size=size))
    return {"bytes": len(data), "sent": sent, "version": told.counter}


def image_at(manifest_size: int) -> int:
    """Where in a slot the image begins: on the page behind its manifest."""
    return -(-manifest_size // PAGE_BYTES) * PAGE_BYTES


@contextmanager
def bar(label: str, total: int) -> Iterator[OnSent]:
    """Progress with speed, for a person who waits."""
    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(label, total=total)
        yield lambda done: progress.update(task, completed=done)


def run(
    port: str, image: Path | None, found: Path | None, drive: Path | None, board: str, *, as_json: bool, language: str
) -> int:
    """An image, or a release, or both in this order. Raises UsageError."""
    told: dict[str, object] = {"port": port}
    bundle = read_release(found) if found else None
    if image or not bundle:
        uf2 = image_of(board, image)
        print(say(language, "flash_drive", image=uf2.name), flush=True) if not as_json else None
        put_image(uf2, wait_for_drive(board, drive))
        told["image"] = str(uf2)
    if bundle:
        with stopped(port) as there:
            data = slot_of(bundle)
            with bar(say(language, "flash_sending"), len(data)) as on_sent:
                began_s = time.monotonic()
                identity = there.identify()
                told |= put_release(there, identity, identity.kind, bundle, identity.publishers, on_sent)
                told["seconds"] = round(time.monotonic() - began_s, 1)
            there.reset()
    print(json.dumps(told) if as_json else say(language, "flash_done", port=port))
    return DONE
