"""The NUCLEO-F429ZI's tables against the chip and its emulation, and its cached flash over a storage like the port's.

It must never know what a role is for. Specification: ST UM1974, RM0090; emulation/renode/nucleo_f429zi.repl.
"""

import os
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from boards.nucleo_f429zi import flash_map, pins
from boards.unix import pins as unix_pins
from emulation.unix.micropython import find_micropython

ROOT = Path(__file__).resolve().parents[2]
FACTS: dict[str, Any] = tomllib.loads((ROOT / "boards" / "nucleo_f429zi" / "board.toml").read_text(encoding="utf-8"))
PLATFORM = (ROOT / "emulation" / "renode" / "nucleo_f429zi.repl").read_text(encoding="utf-8")
KINDS = sorted(pins.KINDS)
DRIVEN = {"light": ("red", "green", "blue"), "beeper": ("pin",), "panel_bus": ("cs",)}
SCRIPT = """
from boards.nucleo_f429zi.cached_flash import CachedFlash

class Storage:  # what pyb.Flash(start=, len=) does: blocks of 512 bytes, written over as one likes
    cells = bytearray(b"\\xff" * 8192)
    def readblocks(self, block, buf, offset):
        buf[:] = self.cells[block * 512 + offset : block * 512 + offset + len(buf)]
    def writeblocks(self, block, buf, offset):
        self.cells[block * 512 + offset : block * 512 + offset + len(buf)] = buf

def refused(what, *arguments):
    try:
        what(*arguments)
    except OSError as error:
        return error.errno == 22

flash, got = CachedFlash(Storage(), 8192), bytearray(4)
assert (flash.ioctl(4, 0), flash.ioctl(5, 0)) == (2, 4096)
flash.writeblocks(1, b"\\xf0\\xff", 510)
flash.writeblocks(1, b"\\x3f\\x0f\\xaa", 510)
flash.readblocks(1, got, 509)
assert got == b"\\xff\\x30\\x0f\\xaa", "bits only fall"
flash.ioctl(6, 1)
assert Storage.cells == b"\\xff" * 8192, "an erase makes it blank"
first = CachedFlash(Storage(), 4096)
assert refused(first.writeblocks, 0, b"xx", 4095) and refused(first.ioctl, 6, 1) and refused(first.readblocks, 1, got)
"""


def pins_of(roles: dict[str, dict[str, int]]) -> list[int]:
    no_pins = {"uart", "i2c", "spi", "baud", "address", "timer", "channel"}
    return [pin for role in roles.values() for name, pin in role.items() if name not in no_pins]


def test_it_has_the_roles_of_the_simulated_board() -> None:
    assert {kind: set(own) for kind, own in pins.KINDS.items()} == {
        kind: set(own) for kind, own in unix_pins.KINDS.items()
    }


@pytest.mark.parametrize("kind", KINDS)
def test_every_pin_is_on_the_header_and_has_one_role(kind: str) -> None:
    used = pins_of({**pins.KINDS[kind], "uplink": pins.UPLINK})
    names = [f"P{chr(ord('A') + pin // pins.PORT_PINS)}{pin % pins.PORT_PINS}" for pin in used]
    assert set(names) <= set(FACTS["header"])
    assert len(names) == len(set(names))


@pytest.mark.parametrize("kind", KINDS)
def test_contacts_that_interrupt_share_no_line(kind: str) -> None:
    roles = pins.KINDS[kind]
    counted = pins_of({name: roles[name] for name in ("pulse_inputs", "wind_pulses") if name in roles})
    assert len({pin % pins.PORT_PINS for pin in counted}) == len(counted)


@pytest.mark.parametrize("kind", KINDS)
def test_the_partitions_of_every_kind_fill_the_storage_where_the_device_looks_for_them(kind: str) -> None:
    flash, own = FACTS["flash"], FACTS["flash"][kind]
    sizes = [own["settings_bytes"], own["documents_bytes"], own["journal_bytes"], flash["slot_bytes"]]
    sizes.append(flash["boot_bytes"])
    starts = [flash_map.SETTINGS_START, flash_map.DOCUMENTS_START, flash_map.JOURNAL_START, flash_map.SLOT_START]
    starts.append(flash_map.BOOT_START)
    assert starts == [sum(sizes[:number]) for number in range(5)]
    assert sum(sizes) == flash_map.STORAGE_BYTES == 112 * 1024


def test_in_the_emulation_the_bridges_stand_on_the_pins_of_the_roles() -> None:
    every = {name: role for roles in pins.KINDS.values() for name, role in roles.items()}
    driven = {every[role][name] for role, names in DRIVEN.items() for name in names}
    wired = re.findall(
        r"^gpioPort(\w):|^    (\d+) -> pinOutputs@(\d+)|^    (\d+) -> gpioPort(\w)@(\d+)", PLATFORM, re.M
    )
    port, outputs, inputs = "", set(), set()
    for names, pin, number, told, of_port, of_pin in wired:
        port = names or port
        if number:
            assert int(number) == (ord(port) - ord("A")) * pins.PORT_PINS + int(pin)
            outputs.add(int(number))
        elif told:
            assert int(told) == (ord(of_port) - ord("A")) * pins.PORT_PINS + int(of_pin)
            inputs.add(int(told))
    contacts = {name for name in every if name in ("cash_button", "pulse_inputs", "cover", "wind_pulses")}
    contacts |= {"door", "maintenance_switch"}
    assert outputs == driven
    assert inputs == set(pins_of({name: every[name] for name in contacts}))


def test_on_the_cached_flash_bits_only_fall_and_what_lies_behind_a_partition_is_out_of_reach() -> None:
    done = subprocess.run(
        [str(find_micropython()), "-c", SCRIPT],
        env={**os.environ, "MICROPYPATH": f"{ROOT}:.frozen"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
