"""The drive that an RP2040 shows while BOOTSEL is held at its start: a folder of the host that takes one UF2 file.
It must never know what an image contains; who copies the file takes the folder for a mounted drive.
Specification: RP2040 datasheet, section 2.8.4 (USB mass storage interface); UF2, "INFO_UF2.TXT".
"""

import shutil
import struct
from pathlib import Path

from emulation.peripherals.flash import BLOCK_BYTES, PAGE_BYTES, PAGE_PROGRAM_US, SECTOR_ERASE_US

DRIVE = "RPI-RP2"
UF2_BLOCK_BYTES, UF2_COUNT_AT = 512, 24
INFO = "UF2 Bootloader v2.0\nModel: Raspberry Pi RP2\nBoard-ID: RPI-RP2\n"


class BootselDrive:
    def __init__(self, folder: Path) -> None:
        self.path = folder / DRIVE

    def open(self) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        (self.path / "INFO_UF2.TXT").write_text(INFO)

    def close(self) -> None:
        """The boot loader takes its drive away and starts what it was given."""
        shutil.rmtree(self.path, ignore_errors=True)

    def taken(self) -> Path | None:
        """The UF2 file, once all of its blocks are there; None before."""
        found = next(iter(self.path.glob("*.uf2")), None)
        size = found.stat().st_size if found else 0
        if found is None or size < UF2_BLOCK_BYTES:
            return None
        with found.open("rb") as file:
            (blocks,) = struct.unpack_from("<I", file.read(UF2_BLOCK_BYTES), UF2_COUNT_AT)
        return found if size == blocks * UF2_BLOCK_BYTES else None


def burning_us(size: int) -> int:
    """How long the boot loader is busy with an image, as the chip's data sheet has it."""
    return -(-size // BLOCK_BYTES) * SECTOR_ERASE_US + -(-size // PAGE_BYTES) * PAGE_PROGRAM_US
