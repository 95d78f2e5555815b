"""The emulated two-wire bus: everybody hears what one says, in its time, and two at once garble each other.

It must never need a node: participants are functions and descriptors.
Spec: emulation/rs485.py; TIA-485-A.
"""

import os
import time

import serial

from emulation.peripherals.clock import ManualClock
from emulation.rs485 import LiveBus, Rs485Bus

CHARACTER_US = 1042  # 10 bits at 9600 Bd, rounded up


def bus_of_three() -> tuple[ManualClock, Rs485Bus, list[bytearray], list[object]]:
    clock = ManualClock()
    bus = Rs485Bus(clock, 9600)
    heard = [bytearray() for _ in range(3)]
    says = [bus.join(f"unit {number}", one.extend) for number, one in enumerate(heard)]
    return clock, bus, heard, list(says)


def test_everybody_else_hears_each_character_when_its_time_has_passed() -> None:
    clock, bus, heard, says = bus_of_three()
    told: list[tuple[str, bytes]] = []
    bus.on_heard = lambda _us, name, data: told.append((name, data))
    says[0](b"abcd")  # type: ignore[operator]
    clock.advance(CHARACTER_US - 10)
    assert heard == [b"", b"", b""]
    clock.advance(20)
    assert heard == [b"", b"a", b"a"]
    clock.advance(3 * CHARACTER_US)
    assert heard == [b"", b"abcd", b"abcd"]
    assert b"".join(data for _, data in told) == b"abcd"
    assert {name for name, _ in told} == {"unit 0"}
    assert bus.collisions == 0


def test_two_who_speak_at_once_garble_each_other_and_are_counted() -> None:
    clock, bus, heard, says = bus_of_three()
    says[0](b"abcd")  # type: ignore[operator]
    clock.advance(2 * CHARACTER_US)
    says[1](b"XY")  # type: ignore[operator]
    clock.advance(9 * CHARACTER_US)
    assert bus.collisions == 1
    assert heard[2][:1] == b"a"
    assert b"cd" not in heard[2]
    assert b"XY" not in heard[2]
    says[2](b"later")  # type: ignore[operator]
    clock.advance(9 * CHARACTER_US)
    assert heard[0].endswith(b"later")
    assert bus.collisions == 1


def test_a_terminal_and_a_node_s_descriptor_hear_each_other_in_real_time() -> None:
    with LiveBus(9600) as bus:
        node = bus.line("node")
        with serial.Serial(bus.terminal("master"), 9600, timeout=5) as master:
            begun_s = time.monotonic()
            master.write(b"question" * 10)
            heard = b""
            while len(heard) < 80:
                heard += os.read(node, 100)
            assert heard == b"question" * 10
            assert time.monotonic() - begun_s > 0.08  # 80 characters at 9600 Bd
            os.write(node, b"answer")
            assert master.read(6) == b"answer"
