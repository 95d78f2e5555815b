"""This board has no room for sets of modules that come over the air: in its slot fits a manifest, to be refused.
It must never know what a set holds, nor which one runs.
Specification: boards/README.md (the roles); board.toml, [flash].
"""

import pyb  # pyright: ignore[reportMissingImports]

from boards.nucleo_f429zi import flash_map
from boards.nucleo_f429zi.cached_flash import CachedFlash

NAME = "nucleo_f429zi"
ENODEV = 19


def boot_flash():
    """The partition of the record that says what is to start."""
    return CachedFlash(pyb.Flash(start=flash_map.BOOT_START, len=flash_map.BOOT_BYTES), flash_map.BOOT_BYTES)


def slot_flash(_number):
    return CachedFlash(pyb.Flash(start=flash_map.SLOT_START, len=flash_map.SLOT_BYTES), flash_map.SLOT_BYTES)


def mount(_number, _offset, _where):
    raise OSError(ENODEV)
