"""What is burned into a new board: the firmware image from its UF2 file, and the settings in their littlefs partition.
It must never know what an image or a settings file contains.
Specification: UF2 (github.com/microsoft/uf2); littlefs 2.1 on disk, as MicroPython 1.25 writes it; board.toml, [flash].
"""

import functools
import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from littlefs import LittleFS, LittleFSError

from emulation.peripherals.flash import BLOCK_BYTES, PAGE_BYTES
from emulation.rp2040.flash_ops import ChipFlash

REPOSITORY = Path(__file__).parents[2]
IMAGE_VARIABLE = "VUZOL_RP2040_IMAGE"
FLASH_START = 0x1000_0000
UF2_BLOCK_BYTES = 512
UF2_MAGICS = (0x0A32_4655, 0x9E5D_5157)
SETTINGS_FILE = "settings.json"


class ImageMissing(Exception):
    """There is no firmware image; the message says how to make one."""


class ImageBroken(Exception):
    """The file is no UF2 image for this flash."""


def find_image() -> Path:
    """VUZOL_RP2040_IMAGE, or what `make firmware BOARD=rpi_pico` has built of this source tree. Raises ImageMissing."""
    named = os.environ.get(IMAGE_VARIABLE)
    path = Path(named) if named else _built_image()
    if path is None or not path.is_file():
        where = f" at {path}" if path is not None else ""
        raise ImageMissing(f"there is no firmware image{where}; to build it, type: make firmware BOARD=rpi_pico")
    return path


@functools.cache
def _built_image() -> Path | None:
    """The tools know where they keep it; they are asked as a person would, since this folder must not import them."""
    asked = [sys.executable, "-m", "tools.firmware_image", "--board", "rpi_pico", "--path"]
    answer = subprocess.run(asked, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    return Path(answer.stdout.strip()) if answer.returncode == 0 else None


def burn_image(flash: ChipFlash, image: Path, image_bytes: int) -> None:
    """Raises ImageBroken; nothing beyond `image_bytes` is touched."""
    blank = bytearray(b"\xff" * image_bytes)
    for offset, payload in _uf2_blocks(image):
        if offset + len(payload) > image_bytes:
            raise ImageBroken(f"{image} reaches {offset + len(payload):#x}, the image ends at {image_bytes:#x}")
        blank[offset : offset + len(payload)] = payload
    flash.burn(0, bytes(blank))


def burn_settings(flash: ChipFlash, partition: range, settings: bytes) -> None:
    """Put settings.json beside what the partition's file system holds; one that cannot be mounted is made anew."""
    old = flash.chip()[partition.start : partition.stop]
    system = _littlefs(len(partition))
    system.context.buffer[:] = old
    try:
        system.mount()
    except LittleFSError:
        system.format()
        system.mount()
    with system.open(SETTINGS_FILE, "wb") as file:
        file.write(settings)
    system.unmount()
    flash.burn(partition.start, bytes(system.context.buffer))


def _littlefs(size: int) -> LittleFS:
    return LittleFS(
        mount=False,
        block_size=BLOCK_BYTES,
        block_count=size // BLOCK_BYTES,
        prog_size=PAGE_BYTES,
        read_size=32,
        lookahead_size=32,
        cache_size=4 * PAGE_BYTES,
    )


def _uf2_blocks(image: Path) -> Iterator[tuple[int, bytes]]:
    data = image.read_bytes()
    if not data or len(data) % UF2_BLOCK_BYTES:
        raise ImageBroken(f"{image} is not whole UF2 blocks")
    for at in range(0, len(data), UF2_BLOCK_BYTES):
        first, second, _flags, address, count = struct.unpack_from("<5I", data, at)
        if (first, second) != UF2_MAGICS or address < FLASH_START or count > UF2_BLOCK_BYTES - 36:
            raise ImageBroken(f"{image}: block {at // UF2_BLOCK_BYTES} is no UF2 block for flash")
        yield address - FLASH_START, data[at + 32 : at + 32 + count]
