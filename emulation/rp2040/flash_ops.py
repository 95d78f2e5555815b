"""The board's flash chip: program and erase take their time, a power cut tears them, and its cells live in a file.
It must never know what is stored, but for where the journal's partition lies.
Specification: W25Q16JV data sheet, sections 8.2 and 9.6; RP2040 datasheet, section 4.10 (SSI). While the chip is busy
code cannot run from it and interrupts are off, so time passes under the one instruction that ends the command.
"""

from collections.abc import Callable
from pathlib import Path

from rp2040py.peripherals.ssi import (
    CMD_BLOCK_ERASE,
    CMD_PAGE_PROGRAM,
    CMD_SECTOR_ERASE,
    FLASH_BLOCK_SIZE,
    FLASH_PAGE_SIZE,
    RPSSI,
)
from rp2040py.rp2040 import RP2040

from emulation.peripherals.flash import BLOCK_BYTES, Flash, PowerCut
from emulation.peripherals.transcript import SENT, Transcript

BLOCK_64K_ERASE_US = 150_000  # tBE2, typical (2 s at most)
COMMAND_BYTES = 4  # opcode and address
OPERATIONS = {CMD_PAGE_PROGRAM: "program", CMD_SECTOR_ERASE: "erase", CMD_BLOCK_ERASE: "erase 64 KiB"}


class ChipFlash(Flash):
    """The whole chip; operations are counted over all of it. `image` is the journal's partition alone."""

    def __init__(self, path: Path, size: int, journal: range) -> None:
        super().__init__(path, size)
        self._journal = journal

    def image(self) -> bytes:
        return self._cells[self._journal.start : self._journal.stop]

    def burn_image(self, image: bytes) -> None:
        self.burn(self._journal.start, image)

    def chip(self) -> bytes:
        return super().image()

    def burn(self, offset: int, data: bytes) -> None:
        """What a programmer writes before the board is switched on: no operation of the node."""
        self._check_range(offset, len(data))
        self._cells[offset : offset + len(data)] = data


class FlashPort(RPSSI):
    """Carries the boot ROM's flash commands to the store and keeps the memory that code runs from in step."""

    def __init__(
        self,
        rp2040: RP2040,
        name: str,
        store: ChipFlash,
        on_power_cut: Callable[[], None],
        transcript: Transcript,
    ) -> None:
        super().__init__(rp2040, name)
        self._store = store
        self._on_power_cut = on_power_cut
        self._transcript = transcript
        self.stalled_us = 0

    def _apply_command(self) -> None:
        command = bytes(self._tx_buffer)
        operations = {
            CMD_PAGE_PROGRAM: self._program,
            CMD_SECTOR_ERASE: self._erase,
            CMD_BLOCK_ERASE: self._erase_64k,
        }
        operation = operations.get(command[0]) if command else None
        if operation is None or len(command) < COMMAND_BYTES:
            super()._apply_command()
            return
        self._tx_buffer = bytearray()
        address = int.from_bytes(command[1:COMMAND_BYTES]) % self._store.size
        enabled, self._write_enabled = self._write_enabled, False
        if not enabled:
            return
        passage = self._transcript.begin("flash", SENT, f"{OPERATIONS[command[0]]} {address:#x}")
        try:
            busy_us = operation(address, command[COMMAND_BYTES:])
        except PowerCut:
            self._on_power_cut()
            return
        self.stalled_us += busy_us
        self.rp2040.clock.tick(busy_us * 1000)
        passage.until_us += busy_us

    def _program(self, address: int, data: bytes) -> int:
        data = data[:FLASH_PAGE_SIZE]
        busy_us = self._store.program(address, data)
        self._reflect(address, len(data))
        return busy_us

    def _erase(self, address: int, _data: bytes) -> int:
        busy_us = self._store.erase(address // BLOCK_BYTES)
        self._reflect(address - address % BLOCK_BYTES, BLOCK_BYTES)
        return busy_us

    def _erase_64k(self, address: int, _data: bytes) -> int:
        start = address - address % FLASH_BLOCK_SIZE
        for offset in range(start, start + FLASH_BLOCK_SIZE, BLOCK_BYTES):
            self._erase(offset, b"")
        return BLOCK_64K_ERASE_US

    def _reflect(self, address: int, count: int) -> None:
        self.rp2040.flash[address : address + count] = self._store.read(address, count)
