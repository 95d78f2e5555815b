"""What is loaded into a new chip: the firmware image, and the settings in their littlefs partition.
It must never know what an image or a settings file contains.
Specification: littlefs 2.1 on disk, as MicroPython 1.25 writes it; boards/nucleo_f429zi/flash_map.py.
"""

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

from littlefs import LittleFS, LittleFSError

from boards.nucleo_f429zi import flash_map
from emulation.peripherals.flash import BLOCK_BYTES, PAGE_BYTES

REPOSITORY = Path(__file__).parents[2]
RENODE_VARIABLE = "VUZOL_RENODE"
IMAGE_VARIABLE = "VUZOL_STM32_IMAGE"
SETTINGS_FILE = "settings.json"
LOADERS = {".elf": "LoadELF", ".hex": "LoadHEX"}


class RenodeMissing(Exception):
    """Renode or the image is not there; the message says what to do."""


def find_renode() -> Path:
    """VUZOL_RENODE, or `renode` on PATH. Raises RenodeMissing."""
    named = os.environ.get(RENODE_VARIABLE) or "renode"
    found = shutil.which(named)
    if found is None:
        raise RenodeMissing(
            f"there is no program {named!r}: unpack Renode 1.16 or later (its portable release, renode.io) and set "
            f"{RENODE_VARIABLE} to its renode"
        )
    return Path(found).absolute()


def find_image() -> Path:
    """VUZOL_STM32_IMAGE (an ELF or HEX file), or what `make firmware` has built of this tree. Raises RenodeMissing."""
    named = os.environ.get(IMAGE_VARIABLE)
    path = Path(named) if named else _built_image()
    if path is None or not path.is_file() or path.suffix not in LOADERS:
        where = f" at {path}" if path is not None else ""
        raise RenodeMissing(
            f"there is no firmware image (.elf, .hex){where}; to build it, type: make firmware BOARD=nucleo_f429zi"
        )
    return path.absolute()


def missing() -> str:
    """All that somebody lacks who wants to run a node, in as many sentences; empty when nothing is."""
    told = []
    for find in (find_renode, find_image):
        try:
            find()
        except RenodeMissing as lack:
            told.append(str(lack))
    return "; ".join(told)


@functools.cache
def _built_image() -> Path | None:
    """The tools know where they keep it; they are asked as a person would, since this folder must not import them."""
    asked = [sys.executable, "-m", "tools.firmware_image", "--board", "nucleo_f429zi", "--path"]
    answer = subprocess.run(asked, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    return Path(answer.stdout.strip()) if answer.returncode == 0 else None


def settings_partition(before: bytes, settings: bytes) -> bytes:
    """The partition with settings.json beside what it holds; one that cannot be mounted is made anew."""
    system = LittleFS(
        mount=False,
        block_size=BLOCK_BYTES,
        block_count=flash_map.SETTINGS_BYTES // BLOCK_BYTES,
        prog_size=PAGE_BYTES,
        read_size=32,
        lookahead_size=32,
        cache_size=4 * PAGE_BYTES,
    )
    system.context.buffer[:] = before
    try:
        system.mount()
    except LittleFSError:
        system.format()
        system.mount()
    with system.open(SETTINGS_FILE, "wb") as file:
        file.write(settings)
    system.unmount()
    return bytes(system.context.buffer)
