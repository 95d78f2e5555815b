"""Updates on the emulated microcontroller: a set that runs from its slot in place, replaced over a serial line.

It must never wait for a whole set to come over the line: the first one is burned, as a programmer does it.
Spec: firmware/UPDATES.md; emulation/rp2040/README.md.
"""

import os
import random
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rp2040py", reason="the RP2040 emulator is missing; type: make setup")

from emulation.launch import NodeHandle, start
from emulation.rp2040.image import ImageMissing, find_image
from emulation.rp2040.lane import Rp2040Node
from firmware import boot_record
from firmware.boot_record import BootRecord, image_at
from firmware.tests.conftest import settings_of
from firmware.tests.device.ram_flash import RamFlash
from firmware.tests.test_update import KIND, PUBLISHER, THIEF, Files, with_source
from firmware.tests.update_desk import LineInTime, UpdateDesk
from protocols import release
from protocols.release import Release
from protocols.wire import document as wire
from protocols.wire import journal_format, manifest
from protocols.wire.messages import boot, document, status
from tools import release_contents
from tools.image_plan import partitions, plan_image

BOARD = "rpi_pico"
UNIT = 17
FACTS = plan_image(BOARD).facts
PLACES = {part.name: part for part in partitions(FACTS, KIND)}
UPDATE_S = 120.0
CUTS = 20

try:
    find_image()
except ImageMissing as missing:
    pytest.skip(str(missing), allow_module_level=True)


@pytest.fixture(scope="module")
def files() -> Files:
    return release_contents.compiled(BOARD, [KIND], (0, 2, 0))


def a_release(files: Files, counter: int, **other: Any) -> Release:
    key = other.pop("key", PUBLISHER)
    built = release.build(files, board=BOARD, kinds=[KIND], counter=counter, image=1, firmware=(0, 2, 0), **other)
    return release.sign(built, key)


class Pole:
    """A display on a pole, and the desk at the other end of its line."""

    def __init__(self, node: NodeHandle) -> None:
        self.node = node
        self.desk = UpdateDesk()
        self.line = LineInTime(node, UNIT, self.desk)

    def tells(self, outcome: int, version: int, timeout_s: float = UPDATE_S) -> tuple[int, ...]:
        """What the newest such record about firmware says besides: the reason and the version that is held."""

        def found() -> list[tuple[int, int, int, int]]:
            return [one for one in self.desk.told() if one[:2] == (version, outcome)]

        seen = self.line.until(lambda: bool(found()), timeout_s)
        assert seen, f"outcome {outcome} of {version}: {self.desk.told()}\n{self.node.console[-3000:]}"
        return found()[-1][2:]

    def confirmed(self, version: int) -> bool:
        return any(one[:2] == (version, document.OUTCOME_CONFIRMED) for one in self.desk.told())

    def runs(self) -> tuple[int, ...]:
        """The firmware's version in the newest boot record."""
        return tuple(boot.parse(self.desk.of_kind(boot.KIND)[-1].body).firmware)

    def free_heap(self) -> int:
        return min(int(status.parse(one.body).heap_free) for one in self.desk.of_kind(status.KIND))


def burn(node: NodeHandle, sets: dict[int, tuple[Release, int]]) -> None:
    """What a programmer does to a node without power: put sets into slots, and their states on record."""
    lane = node._node
    assert isinstance(lane, Rp2040Node)
    flash = RamFlash(2)
    record = BootRecord(flash)
    for number, (one, state) in sets.items():
        size = manifest.length(one.manifest)
        identity = wire.identity(wire.FIRMWARE, one.data)
        version = one.manifest.counter
        record.change(number, state=state, version=version, size=len(one.data), sha256=identity, manifest_size=size)
        content = one.data[:size] + bytes(image_at(size) - size) + one.image()
        lane._chip_flash.burn(PLACES["slot_" + "ab"[number]].start, content)
    lane._chip_flash.burn(PLACES["boot"].start, bytes(flash.data))


@pytest.fixture
def pole(tmp_path: Path) -> Iterator[Pole]:
    settings = settings_of(KIND, status_s=10) | {
        "uplink": {"transport": "modbus_rtu", "unit": UNIT},
        "publishers": [PUBLISHER.public_key().public_bytes_raw().hex()],
        "revoked_publishers": [THIEF.public_key().public_bytes_raw().hex()],
    }
    with ExitStack() as nodes:
        node = nodes.enter_context(start(BOARD, KIND, settings, tmp_path))
        node.cut_power()
        one = Pole(node)
        nodes.callback(one.line.close)
        yield one


@pytest.mark.timeout(900)
def test_a_bad_set_gives_way_and_a_good_one_runs_in_place_and_comes_over_the_line(
    pole: Pole, files: Files, tmp_path: Path
) -> None:
    raises = with_source(files, "firmware/nodes/stop_display.py", "raise RuntimeError('bad')\n", tmp_path)
    burn(pole.node, {0: (a_release(files, 1), boot_record.CONFIRMED), 1: (a_release(raises, 2), boot_record.READY)})
    pole.node.start()
    assert pole.tells(document.OUTCOME_ROLLED_BACK, 2) == (document.REASON_CRASHED, 1)
    assert pole.tells(document.OUTCOME_HELD, 1) == (0, 1)
    assert pole.runs() == (0, 2, 0)
    pole.desk.offer(a_release(files, 3, key=THIEF))
    assert pole.tells(document.OUTCOME_REFUSED, 3) == (document.REASON_REVOKED, 1)
    changed = with_source(files, "firmware/version.py", "FIRMWARE = (0, 3, 0)\n", tmp_path)
    pole.desk.offer(a_release(changed, 4))
    assert pole.tells(document.OUTCOME_CONFIRMED, 4) == (0, 4)
    assert pole.runs() == (0, 3, 0)
    assert boot.parse(pole.desk.of_kind(boot.KIND)[-1].body).reset_cause == boot.RESET_CAUSE_UPDATE
    assert len(pole.desk.asked) < 10, "the manifest and what changed"
    assert pole.free_heap() >= FACTS["memory"][KIND]["free_in_service_bytes"]


@pytest.mark.skipif("VUZOL_LONG" not in os.environ, reason="takes ten minutes: VUZOL_LONG=1 runs it")
@pytest.mark.timeout(7200)
def test_whole_updates_go_through_torn_flash_operations_and_no_record_is_lost(pole: Pole, files: Files) -> None:
    dice = random.Random(1)
    burn(pole.node, {0: (a_release(files, 1), boot_record.CONFIRMED)})
    pole.node.start()
    counter, cuts = 1, 0
    while cuts < CUTS:
        counter += 1
        pole.desk.offer(a_release(files, counter, text=f"set {counter}"))
        while not pole.confirmed(counter):
            if cuts < CUTS:
                pole.node.cut_power_at(pole.node.flash.operations + dice.randint(1, 200))
            pole.line.until(partial(pole.confirmed, counter), UPDATE_S)
            if not pole.node.alive:
                cuts += 1
                pole.node.start()
                print("cut", cuts, "set", counter, pole.desk.told()[-1:], flush=True)
    image = journal_format.read_image(pole.node.flash_image())
    pole.line.until(lambda: pole.desk.stored.highest() >= len(image.records), 60)
    lost = set(range(1, len(image.records) + 1)) - {one.seq for one in pole.desk.records}
    assert not lost
