"""The buses of an emulated RP2040 from the MicroPython that runs on it: real drivers, real models, real bit times.

It must never know the firmware: what is typed are plain `machine` calls.
Specification: emulation/rp2040/README.md; UM10204, PL011 and PL022 as the RP2040 datasheet has them.
"""

import socket
import time
from functools import partial
from pathlib import Path

import pytest

pytest.importorskip("rp2040py", reason="the RP2040 emulator is missing; type: make setup")

from emulation.peripherals.pn532_frames import ACK
from emulation.tests.rp2040_board import Desk, desk

GET_FIRMWARE_VERSION = "b'\\x00\\x00\\xff\\x02\\xfe\\xd4\\x02\\x2a\\x00'"
OPEN_I2C = "from machine import I2C, Pin\nimport time\ni2c = I2C(0, scl=Pin(5), sda=Pin(4), freq=400_000)\n"


def test_the_reader_answers_over_i2c_when_it_is_ready_and_not_before(tmp_path: Path) -> None:
    with desk(tmp_path) as board:
        said = board.type(
            OPEN_I2C + f"i2c.writeto(0x24, {GET_FIRMWARE_VERSION})\nat_once = i2c.readfrom(0x24, 1)\n"
            "time.sleep_us(1500)\nack = i2c.readfrom(0x24, 7)\ntime.sleep_us(1500)\n"
            "print(at_once.hex(), ack.hex(), i2c.readfrom(0x24, 14).hex())"
        )
    at_once, ack, answer = said.split()
    assert at_once == "00"
    assert ack == "01" + ACK.hex()
    assert answer == "010000ff06fad50332010607e800"


def test_a_transfer_on_i2c_takes_the_time_of_its_bits(tmp_path: Path) -> None:
    with desk(tmp_path) as board:
        said = board.type(
            OPEN_I2C
            + "start = time.ticks_us()\ni2c.readfrom(0x24, 100)\nprint(time.ticks_diff(time.ticks_us(), start))"
        )
    bits_us = (1 + 9 * 101 + 1) / 0.4
    assert bits_us <= int(said) <= bits_us * 1.2


def test_nobody_at_an_address_is_an_error_at_once_and_the_bus_lives_on(tmp_path: Path) -> None:
    with desk(tmp_path) as board:
        said = board.type(
            OPEN_I2C + "for transfer in (lambda: i2c.writeto(0x31, b'abc'), lambda: i2c.readfrom(0x31, 2)):\n"
            "    start = time.ticks_us()\n"
            "    try:\n        transfer()\n"
            "    except OSError as error:\n        print(error.errno, time.ticks_diff(time.ticks_us(), start) < 2000)\n"
            "print(i2c.readfrom(0x24, 1))"
        )
    assert said.splitlines() == ["5 True", "5 True", "b'\\x00'"]


def test_a_picture_comes_over_spi_to_the_panel(tmp_path: Path) -> None:
    rows = [0x3C, 0x42, 0xA5, 0x81, 0xA5, 0x99, 0x42, 0x3C]
    with desk(tmp_path, "stop_display", {"width": 64, "height": 32}) as board:
        board.type(
            f"""
            from machine import SPI, Pin
            cs = Pin(17, Pin.OUT, value=1)
            spi = SPI(0, 10_000_000, sck=Pin(18), mosi=Pin(19), miso=Pin(16))
            def send(register, values):
                data = bytearray()
                for value in reversed(values):
                    data += bytes((register, value))
                cs(0); spi.write(data); cs(1)
            for register, value in ((15, 0), (9, 0), (11, 7), (10, 8), (12, 1)):
                send(register, [value] * 32)
            for row, bits in enumerate({rows}):
                send(row + 1, [bits] + [0] * 30 + [bits])
            """
        )
        picture = board.handle.picture()
    face = [[bits >> shift & 1 for shift in range(7, -1, -1)] for bits in rows]
    assert [row[:8] for row in picture[:8]] == face
    assert [row[-8:] for row in picture[-8:]] == face
    assert sum(map(sum, picture)) == 2 * sum(map(sum, face))


def test_words_on_spi_take_the_time_of_their_bits(tmp_path: Path) -> None:
    with desk(tmp_path, "stop_display") as board:
        said = board.type(
            """
            from machine import SPI, Pin
            import time
            spi = SPI(0, 1_000_000, sck=Pin(18), mosi=Pin(19), miso=Pin(16))
            start = time.ticks_us()
            spi.write(bytes(1000))
            print(time.ticks_diff(time.ticks_us(), start))
            """
        )
    assert 8000 <= int(said) <= 8800


def test_sentences_of_the_gnss_receiver_arrive_whole_over_the_uart(tmp_path: Path) -> None:
    with desk(tmp_path) as board:
        board.handle.gnss.move(49.9935, 36.2304, speed_mps=8)
        board.begin(
            """
            from machine import UART, Pin
            import time
            uart = UART(1, 9600, tx=Pin(8), rx=Pin(9), rxbuf=1024)
            heard = b""
            while heard.count(b"GNVTG") < 2 or not heard.endswith(b"\\n"):
                heard += uart.read() or b""
                time.sleep_ms(200)
            print(heard)
            print("enough")
            """
        )
        board.handle.wait_console("enough", timeout_s=5)
        console = board.handle.console
    assert "GNRMC" in console
    assert "4959.61000,N,03613.82400,E" in console
    assert board.node.clock.now_us() > 1_000_000


@pytest.mark.parametrize("characters", [1, 5, 40, 300])
def test_what_is_written_leaves_at_the_lines_pace_and_flush_waits_for_it(tmp_path: Path, characters: int) -> None:
    with desk(tmp_path) as board:
        sent: list[tuple[int, bytes]] = []
        board.chip.lines[0].on_output = lambda data: sent.append((board.node.clock.now_us(), data))
        said = board.type(
            f"""
            from machine import UART, Pin
            import time
            uart = UART(0, 115_200, tx=Pin(0), rx=Pin(1), txbuf=512)
            data = bytes(i & 255 for i in range({characters}))
            start = time.ticks_us()
            uart.write(data)
            uart.flush()
            print(time.ticks_diff(time.ticks_us(), start))
            """
        )
    assert b"".join(data for _, data in sent) == bytes(i & 255 for i in range(characters))
    line_us = characters * 10e6 / 115_200
    assert sent[-1][0] - sent[0][0] == pytest.approx(line_us * (characters - 1) / characters, rel=0.01, abs=2)
    assert line_us <= int(said) <= line_us + 2000


def test_short_words_come_in_by_the_receive_timeout(tmp_path: Path) -> None:
    with desk(tmp_path) as board:
        board.type("from machine import UART, Pin\nuart = UART(0, 115_200, tx=Pin(0), rx=Pin(1))")
        for word in (b"a", b"ab", b"abcde"):
            board.node.call(partial(board.chip.lines[0].send, word))
            board.node.run(0.002)
            assert board.type("print(uart.read())") == f"{word!r}\n"


def test_characters_are_lost_while_flash_is_erased(tmp_path: Path) -> None:
    with desk(tmp_path) as board:
        board.type(
            "import rp2\nfrom machine import UART, Pin\nflash = rp2.Flash(start=851_968, len=524_288)\n"
            "uart = UART(0, 115_200, tx=Pin(0), rx=Pin(1), rxbuf=512)"
        )
        board.begin("flash.ioctl(6, 3)")
        erased = board.handle.flash.operations + 1
        board.node.call(lambda: board.chip.lines[0].send(bytes(400)))
        assert board.node.run_until(lambda: board.handle.flash.operations == erased, 1)
        board.settle()
        heard = int(board.type("print(len(uart.read()))"))
        lost = board.chip.lines[0].overruns
    assert 32 <= heard < 400
    assert heard + lost == 400


def _typed_pwm(board: Desk, red: int, green: int, blue: int) -> str:
    board.type(f"for pwm, duty in zip(light, ({red}, {green}, {blue})):\n    pwm.duty_u16(duty)")
    board.node.run(0.01)
    return board.handle.light()


def test_the_light_shows_what_pwm_drives(tmp_path: Path) -> None:
    with desk(tmp_path) as board:
        board.type("from boards.rpi_pico import hal\nlight = hal.light()")
        assert _typed_pwm(board, 0, 65_535, 0) == "green"
        assert _typed_pwm(board, 65_535, 30_000, 0) == "amber"
        assert _typed_pwm(board, 65_535, 0, 0) == "red"
        board.type("import machine\nmachine.Pin(10, machine.Pin.OUT, value=0)")
        board.node.run(0.01)
        assert board.handle.light() == "off"


def test_the_beeper_is_heard_with_its_frequency_and_duration(tmp_path: Path) -> None:
    with desk(tmp_path) as board:
        board.type(
            "from boards.rpi_pico import hal\nimport time\nbeeper = hal.beeper()\nbeeper.freq(2500)\n"
            "beeper.duty_u16(32_768)\ntime.sleep_ms(80)\nbeeper.duty_u16(0)"
        )
        heard = board.handle.beeps[-1]
    assert heard.frequency_hz == pytest.approx(2500, rel=0.001)
    assert heard.duration_us == pytest.approx(80_000, rel=0.02)


def test_the_button_is_read_while_it_is_held_and_interrupts(tmp_path: Path) -> None:
    with desk(tmp_path) as board:
        board.type(
            "from boards.rpi_pico import hal\nbutton = hal.cash_button()\nedges = []\n"
            "button.irq(lambda pin: edges.append(pin.value()))"
        )
        board.handle.press(held_s=0.1)
        assert board.type("print(button.value())") == "0\n"
        board.node.run(0.2)
        assert board.type("print(button.value(), edges)") == "1 [0, 1]\n"


def test_a_uart_can_be_joined_to_a_socket_and_follow_the_real_clock(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, desk(tmp_path) as board:
        theirs.settimeout(60)
        board.type("from machine import UART, Pin\nuart = UART(0, 115_200, tx=Pin(0), rx=Pin(1))")
        board.node.connect_uart(0, ours.fileno())
        board.begin(
            "import time\nfor _ in range(3):\n    while not uart.any(): time.sleep_ms(1)\n"
            "    time.sleep_ms(2)\n    uart.write(uart.read().upper())"
        )
        board.node.keep_pace()
        for word in (b"one", b"two", b"three"):
            theirs.sendall(word)
            heard = b""
            while len(heard) < len(word):
                heard += theirs.recv(100)
            assert heard == word.upper()
        assert board.node.clock.utc_us() / 1e6 == pytest.approx(time.time(), abs=60)
