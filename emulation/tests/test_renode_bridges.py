"""The bridges between Renode and the peripherals: the socket as any client sees it, and Bridges.cs itself under Mono.

It must never start Renode. Specification: emulation/renode/bridge_port.py; MicroPython's ports/stm32/i2c.c.
"""

import shutil
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from boards.nucleo_f429zi import pins
from emulation.peripherals.wiring import Wiring
from emulation.renode import bridge_port as port
from emulation.renode.bridge_port import BridgePort
from emulation.renode.console import RAW_PROMPT, Console
from emulation.unix.bus_server import BusServer
from emulation.unix.device import bus_frames as frames

BRIDGES = Path(__file__).parents[1] / "renode" / "Bridges.cs"
BENCH = Path(__file__).with_name("RenodeBench.cs")
GET_FIRMWARE = bytes.fromhex("0000ff02fed4022a00")
ACK = bytes.fromhex("0000ff00ff00")
READER = pins.FARE_VALIDATOR["reader_bus"]["address"]
RED, BEEPER, BUTTON = pins.LIGHT["red"], pins.FARE_VALIDATOR["beeper"]["pin"], pins.FARE_VALIDATOR["cash_button"]["pin"]
PATIENCE_S = 20.0


class Board:
    """A kind's peripherals behind a port."""

    def __init__(self, kind: str, source: str | None = None) -> None:
        self.server = BusServer()
        self.server.open()
        self.wiring = Wiring(pins.KINDS[kind], {"width": 64, "height": 32}, self.server.clock)
        self.resets: list[None] = []
        self.clients = ExitStack()
        self.console = Console(self.server.clock, source)
        roles, reset = pins.KINDS[kind], lambda: self.resets.append(None)
        self.port = self.server.call(lambda: BridgePort(self.server, self.wiring, roles, reset, {3: self.console}))
        self.server.call(lambda: self.wiring.power(True))

    def seen(self, look: Callable[[], object]) -> bool:
        deadline_s = time.monotonic() + PATIENCE_S
        while not self.server.call(look) and time.monotonic() < deadline_s:
            time.sleep(0.01)
        return bool(self.server.call(look))


class Client:
    """One bridge's connection."""

    def __init__(self, board: Board) -> None:
        connected = socket.create_connection((port.LOOPBACK, board.port.port), timeout=PATIENCE_S)
        self.socket = board.clients.enter_context(connected)

    def say(self, op: int, unit: int, payload: bytes = b"") -> None:
        self.socket.sendall(struct.pack(frames.HEADER, op, unit, len(payload)) + payload)

    def hear(self, count: int) -> bytes:
        heard = b""
        while len(heard) < count and (piece := self.socket.recv(count - len(heard))):
            heard += piece
        return heard

    def ask(self, op: int, unit: int, payload: bytes = b"", answer: int = 0) -> bytes:
        self.say(op, unit, payload)
        return self.hear(1 + answer)

    def i2c(self, read: int, data: bytes = b"", count: int = 0) -> bytes | None:
        """A whole transfer as the controller does it; None when nobody answers."""
        if self.ask(port.I2C_BEGIN, 1, bytes((READER, read))) != b"\0":
            return None
        for byte in data:
            assert self.ask(port.I2C_PUT, 1, bytes((byte,))) == b"\0"
        got = b"".join(self.ask(port.I2C_GET, 1, answer=1)[1:] for _ in range(count))
        self.ask(port.I2C_FINISH, 1)
        return got


@contextmanager
def powered(kind: str, source: str | None = None) -> Iterator[Board]:
    board = Board(kind, source)
    try:
        yield board
    finally:
        board.clients.close()
        board.server.call(board.port.close)


@pytest.fixture
def validator() -> Iterator[Board]:
    with powered("fare_validator") as board:
        yield board


def test_a_question_for_one_status_byte_leaves_the_frame_for_the_next_one(validator: Board) -> None:
    bus = Client(validator)
    assert bus.i2c(0, GET_FIRMWARE) == b""
    deadline_s = time.monotonic() + PATIENCE_S
    while bus.i2c(1, count=1) != b"\x01" and time.monotonic() < deadline_s:
        pass
    assert bus.i2c(1, count=7) == b"\x01" + ACK


def test_nobody_at_an_address_acknowledges_nothing(validator: Board) -> None:
    reader = validator.wiring.reader
    assert reader is not None
    validator.server.call(lambda: reader.power(False))
    assert Client(validator).i2c(0, GET_FIRMWARE) is None


def test_a_uart_is_bytes_in_both_directions() -> None:
    with powered("fare_validator", source="print(1)") as board:
        line = Client(board)
        line.say(port.UART, 3)
        line.say(port.UART, 3, b"MicroPython\r\n")
        assert board.seen(lambda: board.console.text == "MicroPython\n")
        board.server.call(board.console.begin)
        assert line.hear(3) == b"\x03\x03\x01"
        line.say(port.UART, 3, RAW_PROMPT)
        typed = b""
        while not typed.endswith(b"\x04"):
            typed += line.hear(1)
        assert typed.endswith(b"print(1)\x04")


def test_a_button_is_told_when_it_is_pressed_and_when_it_is_let_go(validator: Board) -> None:
    pins_told = Client(validator)
    pins_told.say(port.INPUTS, 0)
    assert pins_told.hear(2) == bytes((BUTTON, 1))
    validator.server.call(lambda: validator.wiring.buttons["cash_button"].press(100_000))
    assert pins_told.hear(4) == bytes((BUTTON, 0, BUTTON, 1))


def test_a_light_is_on_or_off_and_a_beeper_has_the_tone_of_its_edges(validator: Board) -> None:
    light, beeper = validator.wiring.light, validator.wiring.beeper
    assert light is not None
    assert beeper is not None
    bus = Client(validator)
    bus.say(frames.PIN_WRITE, RED, struct.pack("<BI", 1, 0))
    assert validator.seen(lambda: light.colour == "red")
    for edge in range(100):
        bus.say(frames.PIN_WRITE, BEEPER, struct.pack("<BI", edge % 2, 0xFFFF_FF00 + 250 * edge & 0xFFFF_FFFF))
    assert validator.seen(lambda: beeper.beeps)
    assert [beep.frequency_hz for beep in beeper.beeps] == [2000]


def test_a_chip_that_begins_anew_lets_its_pins_go(validator: Board) -> None:
    light = validator.wiring.light
    assert light is not None
    bus = Client(validator)
    bus.say(frames.PIN_WRITE, RED, struct.pack("<BI", 1, 0))
    assert validator.seen(lambda: light.colour == "red")
    bus.say(port.RESET, 0)
    assert validator.seen(lambda: light.colour == "off" and validator.resets)


def test_a_client_that_says_nonsense_or_goes_away_is_dropped_and_the_next_one_is_served(validator: Board) -> None:
    stranger = Client(validator)
    stranger.say(200, 0)
    assert stranger.hear(1) == b""
    Client(validator).socket.close()
    assert Client(validator).i2c(1, count=1) == b"\x00"


# Bridges.cs itself, compiled and run by Mono


class Bench:
    """Each call is one access to a register or a pin of the C# bridges."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def __call__(self, what: str, *numbers: int) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(" ".join([what, *(f"{number:x}" for number in numbers)]) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline(), 16)

    def read(self, address: int, count: int) -> bytes | None:
        """As MicroPython's driver reads: START, address, SR2 to clear ADDR, STOP before the last two bytes."""
        if not self._call(address << 1 | 1):
            return None
        got = []
        for left in range(count, 0, -1):
            if left == min(count, 2):
                self("i2c-write", CR1, 1 | STOP)
            assert self("i2c-read", SR1) & (BTF | RXNE)
            got.append(self("i2c-read", DR))
        self("i2c-write", CR1, 0)
        return bytes(got)

    def write(self, address: int, data: bytes) -> bool:
        if not self._call(address << 1):
            return False
        for byte in data:
            assert self("i2c-read", SR1) & TXE
            self("i2c-write", DR, byte)
            assert self("i2c-read", SR1) & (AF | BTF) == BTF
        self("i2c-write", CR1, 1 | STOP)
        self("i2c-write", CR1, 0)
        return True

    def _call(self, address: int) -> bool:
        self("i2c-write", CR1, 1 | START)
        assert self("i2c-read", SR1) & SB
        self("i2c-write", DR, address)
        if self("i2c-read", SR1) & AF:
            self("i2c-write", SR1, 0)
            self("i2c-write", CR1, 1 | STOP)
            self("i2c-write", CR1, 0)
            return False
        assert self("i2c-read", SR1) & ADDR
        self("i2c-read", SR2)
        assert not self("i2c-read", SR1) & ADDR
        return True


CR1, DR, SR1, SR2 = 0x00, 0x10, 0x14, 0x18
START, STOP = 1 << 8, 1 << 9
SB, ADDR, BTF, RXNE, TXE, AF = 1, 1 << 1, 1 << 2, 1 << 6, 1 << 7, 1 << 10


@pytest.fixture(scope="session")
def bench_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("mcs") is None or shutil.which("mono") is None:
        pytest.skip(
            "Bridges.cs is compiled by Mono, which is not here; type: sudo apt-get install mono-mcs mono-runtime"
        )
    program = tmp_path_factory.mktemp("mono") / "bench.exe"
    compile_it = ["mcs", "-nologo", "-warnaserror+", "-langversion:7", f"-out:{program}", str(BRIDGES), str(BENCH)]
    subprocess.run(compile_it, check=True)
    return program


@contextmanager
def on_mono(program: Path, board: Board) -> Iterator[Bench]:
    units = ("1", "1", "2", str(board.port.port))  # of pins.py: I2C, SPI, UART
    with ExitStack() as running:
        process = running.enter_context(
            subprocess.Popen(
                ["mono", str(program), *units],
                text=True,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        )
        running.callback(process.kill)
        yield Bench(process)


def test_the_i2c_bridge_answers_as_the_controller_that_micropython_drives(
    bench_program: Path, validator: Board
) -> None:
    with on_mono(bench_program, validator) as bench:
        assert bench.write(READER, GET_FIRMWARE)
        deadline_s = time.monotonic() + PATIENCE_S
        while bench.read(READER, 1) != b"\x01" and time.monotonic() < deadline_s:
            pass
        assert bench.read(READER, 7) == b"\x01" + ACK
        assert bench.read(0x50, 4) is None
        assert not bench.write(0x50, b"\x00")
        assert bench.read(READER, 2) is not None


def test_the_other_bridges_carry_pixels_sentences_and_levels(bench_program: Path) -> None:
    with powered("stop_display") as board, on_mono(bench_program, board) as bench:
        panel, cs = board.wiring.panel, pins.STOP_DISPLAY["panel_bus"]["cs"]
        assert panel is not None
        for register, value in ((0x0C, 1), (0x0F, 1)):  # no shutdown; display test: every pixel
            bench("pin-write", cs, 0)
            for byte in (register, value) * 32:
                bench("spi", byte)
            bench("pin-write", cs, 1)
        assert board.seen(lambda: all(all(row) for row in panel.picture()))
    with powered("fare_validator") as board, on_mono(bench_program, board) as bench:
        assert board.seen(lambda: bench("uart-count") > 6)
        assert bytes(bench("uart-read") for _ in range(3)) == b"$GN"
        assert bench("pin-read", BUTTON) == 1
        board.server.call(lambda: board.wiring.buttons["cash_button"].press(60_000_000))
        assert board.seen(lambda: bench("pin-read", BUTTON) == 0)
        bench("reset")
        assert board.seen(lambda: board.resets)
