"""Where sets of modules that came over the air lie on the simulated board, and how one of them is mounted.
It must never know what a set holds, nor which one runs.
Specification: boards/README.md (the roles); board.toml, [flash].
"""

import vfs

from boards.unix.file_flash import FileFlash
from boards.unix.slot_files import SlotFiles

NAME = "unix"
SLOT_BYTES = 262_144  # board.toml, slot_bytes
BOOT_BYTES = 8_192  # boot_bytes


def boot_flash():
    """The partition of the record that says what is to start."""
    return FileFlash("boot.flash", BOOT_BYTES)


def slot_flash(number):
    return FileFlash("slot_" + "ab"[number] + ".flash", SLOT_BYTES)


def mount(number, offset, where):
    """The image that lies at `offset` of a slot, as read-only files."""
    vfs.mount(SlotFiles(slot_flash(number), offset), where)
