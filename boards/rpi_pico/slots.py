"""Where sets of modules that came over the air lie on the Raspberry Pi Pico, and how one of them is mounted.
It must never know what a set holds, nor which one runs. A mounted set is executed where it lies and takes no copy.
Specification: boards/README.md (the roles); MicroPython's `vfs.VfsRom`; board.toml, [flash].
"""

import rp2
import vfs

from boards.rpi_pico import flash_map

NAME = "rpi_pico"
SLOTS = (flash_map.SLOT_A_START, flash_map.SLOT_B_START)


def boot_flash():
    """The partition of the record that says what is to start."""
    return rp2.Flash(start=flash_map.BOOT_START, len=flash_map.BOOT_BYTES)


def slot_flash(number):
    return rp2.Flash(start=SLOTS[number], len=flash_map.SLOT_BYTES)


def mount(number, offset, where):
    """The image that lies at `offset` of a slot, as read-only files."""
    vfs.mount(vfs.VfsRom(memoryview(slot_flash(number))[offset:]), where)  # pyright: ignore
