"""The lane `rp2040` through the handle that every lane has: console, power, resets, and runs that repeat to the bit.

It must never depend on how fast the machine is: all times here are emulated.
Specification: emulation/README.md; emulation/rp2040/README.md.
"""

from pathlib import Path

import pytest

pytest.importorskip("rp2040py", reason="the RP2040 emulator is missing; type: make setup")

from emulation.launch import NotSeen, start
from emulation.rp2040.clock import LaneClock
from emulation.tests.rp2040_board import PATIENCE_S, Desk, desk

BUSY_NODE = """
from boards.rpi_pico import hal
import time
flash, light, uart, i2c = hal.journal_flash(), hal.light(), hal.gnss_uart(), hal.reader_bus()
for page in range(4):
    light[page % 3].duty_u16(60_000)
    flash.writeblocks(0, bytes((page,)) * 256, 256 * page)
    i2c.writeto(0x24, b"\\x00\\x00\\xff\\x02\\xfe\\xd4\\x02\\x2a\\x00")
    time.sleep_ms(300)
    print(page, uart.read(), i2c.readfrom(0x24, 7), time.ticks_us())
print("the end")
"""


def run_of(folder: Path) -> tuple[str, str, object, int]:
    folder.mkdir()
    settings = {"node": "00000000000000a1", "config": {}}
    with start("rpi_pico", "fare_validator", settings, folder, program=("-c", BUSY_NODE)) as node:
        node.gnss.move(50.0, 36.0)
        node.wait_console("the end", timeout_s=PATIENCE_S)
        board = Desk(node)
        return board.chip.fingerprint(), node.console, node.lights, board.node.clock.now_us()


def test_two_runs_are_equal_to_the_bit(tmp_path: Path) -> None:
    first, second = run_of(tmp_path / "first"), run_of(tmp_path / "second")
    assert first == second
    assert "GNRMC" in first[1]


def test_time_stands_still_while_nobody_waits(tmp_path: Path) -> None:
    with desk(tmp_path) as board:
        before_us = board.node.clock.now_us()
        assert board.handle.light() == "off"
        assert board.node.clock.now_us() == before_us
        board.handle.pass_time(0.25)
        assert board.node.clock.now_us() == before_us + 250_000


def test_machine_reset_starts_the_node_anew_and_lets_its_pins_go(tmp_path: Path) -> None:
    with desk(tmp_path) as board:
        board.type("from boards.rpi_pico import hal\nlight = hal.light()\nlight[0].duty_u16(65_535)")
        board.node.run(0.01)
        assert board.handle.light() == "red"
        board.begin("import machine\nmachine.reset()")
        board.handle.pass_time(0.01)
        assert (board.handle.resets, board.handle.watchdog_bites) == (1, 0)
        assert board.handle.light() == "off"
        board.node.repl.enter(5)
        assert board.type("print('back')") == "back\n"


def test_a_watchdog_that_is_not_fed_bites_in_its_time(tmp_path: Path) -> None:
    with desk(tmp_path) as board:
        board.type(
            "import machine, time\ndog = machine.WDT(timeout=500)\n"
            "for _ in range(4):\n    time.sleep_ms(300)\n    dog.feed()"
        )
        assert board.handle.restarts == 0
        fed_us = board.node.clock.now_us()
        board.node.run_until(lambda: board.handle.restarts > 0, 2)
        assert (board.handle.resets, board.handle.watchdog_bites) == (0, 1)
        assert 450_000 <= board.node.clock.now_us() - fed_us <= 520_000
        board.node.repl.enter(5)
        assert board.type("import machine\nprint(machine.reset_cause())") == "3\n"


def test_a_power_cut_takes_everything_but_the_flash_and_time_goes_on(tmp_path: Path) -> None:
    with desk(tmp_path) as board:
        board.type("here = 1\nfrom boards.rpi_pico import hal\nlight = hal.light()\nlight[2].duty_u16(65_535)")
        board.node.run(0.01)
        assert board.handle.light() == "blue"
        at_us = board.node.clock.now_us()
        board.handle.cut_power()
        assert not board.handle.alive
        assert board.handle.light() == "off"
        board.handle.pass_time(1)
        assert board.node.clock.now_us() == at_us + 1_000_000
        board.handle.start()
        board.settle()
        assert "NameError" in board.type("print(here)")
        assert board.node.clock.now_us() > at_us + 1_000_000


def test_a_card_in_the_field_is_found_by_the_polling_reader(tmp_path: Path) -> None:
    with desk(tmp_path) as board:
        board.begin(
            """
            from boards.rpi_pico import hal
            import time
            i2c = hal.reader_bus()
            def frame(*data):
                body = bytes((0xD4,) + data)
                return b"\\x00\\x00\\xff" + bytes((len(body), -len(body) & 255)) + body + bytes((-sum(body) & 255, 0))
            def ask(*data):
                i2c.writeto(0x24, frame(*data))
                for count in (7, 40):
                    while i2c.readfrom(0x24, 1) == b"\\x00":
                        time.sleep_ms(1)
                    answer = i2c.readfrom(0x24, count)
                return answer
            ask(0x14, 1, 0, 0)
            print("polling")
            print("found", ask(0x4A, 1, 0)[14:18].hex())
            """
        )
        board.handle.wait_console("polling", timeout_s=2)
        presented_us = board.node.clock.now_us()
        board.handle.present("classic", uid=bytes.fromhex("1a2b3c4d"))
        board.handle.wait_console("found 1a2b3c4d", timeout_s=2)
        assert 55_000 <= board.node.clock.now_us() - presented_us <= 70_000


def test_what_is_waited_for_in_vain_is_named_with_the_consoles_end(tmp_path: Path) -> None:
    with desk(tmp_path) as board, pytest.raises(NotSeen, match=r"'never' on the console was not seen within 0.1 s"):
        board.handle.wait_console("never", timeout_s=0.1)


def test_the_lanes_clock_keeps_alarms_in_order_without_power() -> None:
    clock = LaneClock()
    rung: list[int] = []
    clock.call_at(300, lambda: rung.append(clock.now_us()))
    clock.call_at(100, lambda: rung.append(clock.now_us()))
    clock.call_at(200, lambda: rung.append(clock.now_us())).cancel()
    clock.advance(1000)
    assert rung == [100, 300]
    clock.set_utc(5_000_000)
    assert (clock.now_us(), clock.utc_us()) == (1000, 5_000_000)
