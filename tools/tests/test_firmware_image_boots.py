"""The built image on an emulated RP2040: it reaches the REPL, finds its partitions and leaves the raw ones alone.

It must never build an image: it is skipped, and says so, unless the cache has the one of this source tree.
Specification: boards/README.md, "The image"; rp2040py's documentation.
"""

from pathlib import Path
from typing import Any

import pytest

from tools.firmware_image import cached_image
from tools.image_plan import partitions, plan_image

FACTS = plan_image("rpi_pico").facts
PLACES = {part.name: part for part in partitions(FACTS, "fare_validator")}
BANNER = b"help()"  # the last line before the first prompt
PROMPT = b">>> "
WAITS = b"no settings:"  # the node itself, which nobody has provisioned
CTRL_C = b"\x03"
BOOT_S = 1.5
ANSWER_S = 1.0
EMPTY = 0xFF


def emulator(part: str) -> Any:
    return pytest.importorskip(f"rp2040py.{part}", reason="the emulator rp2040py is missing; type: make setup")


class Pico:
    """A bare board with the image in its flash; time is the emulated time."""

    def __init__(self, image: Path) -> None:
        boards, simulator = emulator("boards"), emulator("simulator")
        log = emulator("utils.logging")
        self._simulator: Any = simulator.Simulator(rp2040=boards.build_rp2040_from_spec(boards.BoardSpec(extras=())))
        self.chip: Any = self._simulator.rp2040
        self.chip.logger = log.ConsoleLogger(log.LogLevel.ERROR)
        self.chip.load_bootrom(emulator("device.bootrom").BOOTROM_B1)
        emulator("device.load_flash").load_uf2(image, self.chip)
        self.said = bytearray()
        self._usb: Any = emulator("usb.cdc").USBCDC(self.chip.usb_ctrl)
        self._usb.on_serial_data = self.said.extend
        self.chip.core.pc = emulator("memory_map").FLASH_START_ADDRESS
        self._simulator.stopped = False

    @property
    def now_s(self) -> float:
        return float(self.chip.clock.nanos) / 1e9

    def run(self, until: tuple[bytes, ...], for_s: float, said_from: int = 0) -> bool:
        """Whether it said one of them within the time."""
        end_s = self.now_s + for_s
        while self.now_s < end_s:
            if any(mark in self.said[said_from:] for mark in until):
                return True
            self._simulator._execute_batch()
        return False

    def type(self, data: bytes) -> None:
        for byte in data:
            self._usb.send_serial_byte(byte)

    def ask(self, line: str) -> str:
        """What the REPL prints after the line."""
        at = len(self.said)
        self.type(line.encode() + b"\r")
        assert self.run((PROMPT,), ANSWER_S, at), f"no answer to {line}: {bytes(self.said[at:])!r}"
        _, _, answer = self.said[at:].decode().partition("\r\n")
        return answer.removesuffix(PROMPT.decode()).strip()

    def boot(self, said_from: int = 0) -> None:
        """Until the REPL answers."""
        assert self.run((BANNER, WAITS), BOOT_S, said_from), bytes(self.said[said_from:])
        if BANNER not in self.said[said_from:]:
            self.type(CTRL_C)
        assert self.run((BANNER,), ANSWER_S, said_from), bytes(self.said[said_from:])
        assert self.run((PROMPT,), ANSWER_S, self.said.rfind(BANNER)), bytes(self.said[said_from:])

    def ask_anew(self, last_line: str, line: str) -> str:
        """What the REPL prints after the line, once the last line before it has restarted the board."""
        at = len(self.said)
        self.type(last_line.encode() + b"\r")
        self.boot(at)
        return self.ask(line)

    def is_empty(self, name: str) -> bool:
        part = PLACES[name]
        return all(byte == EMPTY for byte in self.chip.flash[part.start : part.end])


@pytest.fixture(scope="module")
def pico() -> Pico:
    image = cached_image("rpi_pico")
    if not image.exists:
        pytest.skip("this source tree's image is not in the cache; type: make firmware BOARD=rpi_pico")
    board = Pico(image.uf2)
    board.boot()
    return board


def test_it_reaches_the_repl_and_says_what_it_is(pico: Pico) -> None:
    assert (
        pico.ask("import sys, os; print(sys.platform, os.uname().release)")
        == f"rp2 {plan_image('rpi_pico').micropython}"
    )
    assert pico.ask("print(os.uname().machine)") == FACTS["firmware"]["machine"]


def test_the_boot_formats_the_settings_and_leaves_slots_documents_and_journal_alone(pico: Pico) -> None:
    assert not pico.is_empty("settings")
    assert [name for name in ("slot_a", "slot_b", "documents", "journal") if not pico.is_empty(name)] == []
    blocks = PLACES["settings"].size // 4096
    assert pico.ask("import os; print(os.statvfs('/')[:3])") == f"(4096, 4096, {blocks})"


def test_the_hal_opens_the_journal_where_the_flash_map_puts_it(pico: Pico) -> None:
    pico.ask("from boards.rpi_pico import hal; journal = hal.journal_flash()")
    assert pico.ask("print(journal.ioctl(4, 0), journal.ioctl(5, 0))") == f"{PLACES['journal'].size // 4096} 4096"
    pico.ask("journal.ioctl(6, 1); journal.writeblocks(1, b'tap' + b'\\xff' * 253, 256)")
    at = PLACES["journal"].start + 4096
    assert bytes(pico.chip.flash[at : at + 520]) == b"\xff" * 256 + b"tap" + b"\xff" * 261
    pico.ask("journal.writeblocks(1, b'\\xff' * 3 + b'next' + b'\\xff' * 249, 256)")
    assert bytes(pico.chip.flash[at + 256 : at + 264]) == b"tapnext\xff"


def test_the_roles_of_the_board_can_be_taken(pico: Pico) -> None:
    """But the UARTs: this emulator needs corrections for them, which the lane has and this bare board has not."""
    pico.ask("from boards.rpi_pico import hal")
    roles = "hal.reader_bus, hal.light, hal.beeper, hal.cash_button, hal.panel_bus"
    assert pico.ask(f"print(len([role() for role in ({roles})]))") == "5"


def test_fonts_are_read_out_of_the_image(pico: Pico) -> None:
    pico.ask("from firmware import fonts; from firmware.drivers.font import Font")
    pico.ask("font = Font(fonts.path(fonts.SIGN_12)); font.open()")
    assert pico.ask("print(font.height, font.width('Vuzol') > 0)") == "12 True"


def test_a_board_that_was_not_reset_says_that_power_came_on(pico: Pico) -> None:
    assert (
        pico.ask("from boards.rpi_pico import hal; print(hal.reset_cause(), hal.settings_path())") == "1 /settings.json"
    )


def test_the_heap_is_what_board_toml_says(pico: Pico) -> None:
    heap = int(pico.ask("import gc; print(gc.mem_free() + gc.mem_alloc())"))
    assert int(FACTS["heap"].removesuffix("k")) == heap // 1024


def test_a_reset_that_was_asked_for_and_the_watchdogs_are_told_apart(pico: Pico) -> None:
    restart = "from boards.rpi_pico import hal; hal.reset()"
    assert pico.ask_anew(restart, "from boards.rpi_pico import hal; print(hal.reset_cause())") == "2"
    hang = "from boards.rpi_pico import hal; hal.watchdog(100)"
    assert pico.ask_anew(hang, "from boards.rpi_pico import hal; print(hal.reset_cause())") == "3"


def test_settings_survive_a_reset_and_a_damaged_file_system_is_made_anew(pico: Pico) -> None:
    pico.ask("file = open('/settings.json', 'w'); file.write('{}'); file.close()")
    assert "settings.json" in pico.ask_anew("import machine; machine.reset()", "import os; print(os.listdir('/'))")
    part = PLACES["settings"]
    pico.chip.flash[part.start : part.start + 8192] = bytes(8192)  # both copies of the superblock
    assert "settings.json" not in pico.ask_anew("import machine; machine.reset()", "import os; print(os.listdir('/'))")
    assert pico.ask("print(os.statvfs('/')[3] > 0)") == "True"
