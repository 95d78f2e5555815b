"""The handle on a running node: everything that a person or a test does to it, and sees, hears or reads of it.
It must never know what the node's firmware does, nor a protocol, nor a backend.
Specification: emulation/README.md.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import TypeVar

from emulation.air_control import AirControl
from emulation.lanes import LaneNode, PacedNode, SteppedNode, WiredNode
from emulation.meter_control import MeterControl
from emulation.peripherals import cards
from emulation.peripherals.beeper import Beep
from emulation.peripherals.cards import Card
from emulation.peripherals.flash import Flash
from emulation.peripherals.gnss import GnssReceiver

HISTORY = 10_000
LOOK_AGAIN_S = 0.01
STARVED = 4  # a process on a busy machine may need so many times as long; a stepped clock never does

P = TypeVar("P")


class NoSuchPart(Exception):
    """This kind of node has no such peripheral."""


class NotSeen(TimeoutError):
    """What was waited for did not come in time; the message holds the console's end."""


class GnssControl:
    """The sky over a node, from any thread."""

    def __init__(self, node: LaneNode, receiver: GnssReceiver) -> None:
        self._node = node
        self._receiver = receiver

    def move(self, lat_deg: float, lon_deg: float, speed_mps: float = 0.0, course_deg: float = 0.0) -> None:
        self._receiver.move(lat_deg, lon_deg, speed_mps, course_deg)  # one assignment: no need to go through the node

    def lose_fix(self) -> None:
        """No satellites: sentences without a position."""
        self._receiver.lose_fix()

    def stop(self) -> None:
        """The receiver falls silent (a broken wire)."""
        self._receiver.silent = True

    def resume(self) -> None:
        self._receiver.silent = False

    def inject(self, data: bytes) -> None:
        """Any bytes on the line."""
        self._node.call(lambda: self._receiver.inject(data))

    def replay(self, log: bytes | None) -> None:
        """A recorded log instead of the simulated position; None ends it."""
        self._node.call(lambda: self._receiver.replay(log))


class NodeHandle:
    def __init__(self, node: LaneNode) -> None:
        self._node = node
        self._wiring = node.wiring
        self._changed = threading.Condition()
        self._attended_us = node.clock.now_us()  # the last time someone presented a card or pressed a button
        self._waiting_for_green_us: int | None = None
        self.tap_to_green_ms: deque[float] = deque(maxlen=HISTORY)  # card presented -> light first turned green
        node.on_console(self._notify)
        if self._wiring.light is not None:
            self._wiring.light.on_change = self._light_changed

    def __enter__(self) -> "NodeHandle":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # Supply

    def start(self) -> None:
        """Switch the supply on (a node that was launched runs already)."""
        self._node.call(self._node.power_on)

    def cut_power(self) -> None:
        """Take the supply away at whatever instruction the node is; the flash stays as it is."""
        self._node.call(self._node.power_off)

    stop = cut_power  # a node has no other way to end

    def cut_power_at(self, flash_operation: int) -> None:
        """Take the supply away in the middle of that flash operation, counted from 1 since the launch."""
        self._node.call(lambda: self._node.flash.cut_at(flash_operation))

    def close(self) -> None:
        """End the node for good; its folder stays."""
        self._node.call(self._node.close)

    @property
    def alive(self) -> bool:
        return self._node.pid is not None

    @property
    def pid(self) -> int | None:
        return self._node.pid

    @property
    def exit_status(self) -> int | None:
        """Of the last run that ended by itself or was killed (negative signal)."""
        return self._node.exit_status

    @property
    def resets(self) -> int:
        return self._node.resets

    @property
    def watchdog_bites(self) -> int:
        return self._node.watchdog_bites

    @property
    def restarts(self) -> int:
        """How often the node was started anew without anyone's hand."""
        return self.resets + self.watchdog_bites

    # What it says

    @property
    def console(self) -> str:
        return self._node.call(lambda: self._node.console)

    def wait_console(self, text: str, timeout_s: float) -> None:
        """Raises NotSeen."""
        self._wait(lambda: text in self._node.console, timeout_s, f"{text!r} on the console")

    # Time

    def pass_time(self, seconds: float) -> None:
        """Let that much of the node's time pass: real time, or emulated time on a lane that is stepped."""
        if isinstance(self._node, SteppedNode):
            self._node.run_until(lambda: False, seconds)
        else:
            time.sleep(seconds)

    def keep_pace(self) -> None:
        """From now on its time is the real one, on whatever lane."""
        if isinstance(self._node, PacedNode):
            self._node.keep_pace()

    def wait_until(self, seen: Callable[[], bool], timeout_s: float, what: str) -> None:
        """Let time pass until `seen`, which may ask this handle anything. Raises NotSeen."""
        end_us = self._node.clock.now_us() + round(timeout_s * 1e6)
        while not seen():
            if self._node.clock.now_us() >= end_us:
                raise self._not_seen(what, timeout_s)
            self.pass_time(LOOK_AGAIN_S)

    # Card reader

    def present(self, card: str | Card, uid: bytes | None = None) -> Card:
        """Hold a card (a kind of cards.KINDS, or one made before) before the reader; it stays until remove_card()."""
        chosen = cards.make(card, uid=uid) if isinstance(card, str) else card
        field = _part(self._wiring.field, "card reader")

        def enter() -> None:
            self._attended_us = self._waiting_for_green_us = self._node.clock.now_us()
            field.present(chosen)

        self._node.call(enter)
        return chosen

    def remove_card(self, card: Card | None = None) -> None:
        """Take that card away, or all of them."""
        field = _part(self._wiring.field, "card reader")
        self._node.call(lambda: field.remove(card))

    def remove_card_after(self, count: int) -> None:
        """Take every card away in the very moment when the reader's bus has carried so many more bytes."""
        field = _part(self._wiring.field, "card reader")
        self._node.call(lambda: self._wiring.transcript.after_bytes(self._wiring.reader_bus, count, field.remove))

    @property
    def card_is_here(self) -> bool:
        return bool(_part(self._wiring.field, "card reader").cards)

    @property
    def reader_bytes(self) -> int:
        """How many bytes the reader's bus has carried since the launch."""
        return self._wiring.transcript.bytes_on[self._wiring.reader_bus]

    def unplug_reader(self) -> None:
        """Pull its cable, which carries bus and supply."""
        reader = _part(self._wiring.reader, "card reader")
        self._node.call(lambda: reader.power(False))

    def plug_reader(self) -> None:
        reader = _part(self._wiring.reader, "card reader")
        self._node.call(lambda: reader.power(True))

    # Light and beeper

    def light(self) -> str:
        """The colour that is shown: off, red, green, blue, amber, magenta, cyan, white."""
        return _part(self._wiring.light, "light").colour

    def wait_light(self, colour: str, timeout_s: float) -> None:
        """Until the light shows that colour, or has shown it since the last present() or press(). Raises NotSeen."""
        light = _part(self._wiring.light, "light")
        self._wait(
            lambda: (
                light.colour == colour
                or any(at_us >= self._attended_us and shown == colour for at_us, shown in list(light.history))
            ),
            timeout_s,
            f"a {colour} light",
        )

    @property
    def lights(self) -> list[tuple[int, str]]:
        """Every change of the light: (clock us, colour)."""
        light = _part(self._wiring.light, "light")
        return self._node.call(lambda: list(light.history))

    @property
    def beeps(self) -> list[Beep]:
        beeper = _part(self._wiring.beeper, "beeper")
        return self._node.call(lambda: list(beeper.beeps))

    def _light_changed(self, at_us: int, colour: str) -> None:
        if colour == "green" and self._waiting_for_green_us is not None:
            self.tap_to_green_ms.append((at_us - self._waiting_for_green_us) / 1000)
            self._waiting_for_green_us = None
        self._notify()

    # GNSS, button, panel, flash

    @property
    def gnss(self) -> GnssControl:
        return GnssControl(self._node, _part(self._wiring.gnss, "GNSS receiver"))

    @property
    def meters(self) -> MeterControl:
        return MeterControl(self._node, _part(self._wiring.meters, "meters"))

    @property
    def air(self) -> AirControl:
        return AirControl(self._node, _part(self._wiring.air, "air sensors"))

    def press(self, button: str = "cash_button", held_s: float = 0.15) -> None:
        """Press and, by itself, let go after `held_s`."""
        pressed = _part(self._wiring.buttons.get(button), button)

        def press() -> None:
            self._attended_us = self._node.clock.now_us()
            pressed.press(int(held_s * 1e6))

        self._node.call(press)

    def picture(self) -> list[list[int]]:
        """What a person sees on the panel: rows from the top, 1 for a lit pixel."""
        return self._node.call(_part(self._wiring.panel, "panel").picture)

    def packed_picture(self) -> bytes:
        """The same, 8 pixels a byte, the left one in the highest bit."""
        return self._node.call(_part(self._wiring.panel, "panel").packed)

    def png(self, scale: int = 4) -> bytes:
        panel = _part(self._wiring.panel, "panel")
        return self._node.call(lambda: panel.png(scale))

    @property
    def flash(self) -> Flash:
        """Its counters; the node is what operates it."""
        return self._node.flash

    def flash_image(self) -> bytes:
        return self._node.call(self._node.flash.image)

    def burn_journal(self, image: bytes) -> None:
        """What a programmer does to a node without power: give it another journal."""
        self._node.call(lambda: self._node.flash.burn_image(image))

    # Buses

    def connect_uplink(self, descriptor: int) -> None:
        """Join the node's uplink UART to a socket or a pseudo-terminal's master (emulation/rs485.py has both)."""
        if not isinstance(self._node, WiredNode):
            raise NoSuchPart("this lane has no line to the outside")
        self._node.connect_uplink(descriptor)

    def bus_transcript(self) -> str:
        """What passed on its buses in the last second: time, bus, direction, bytes."""
        return self._node.call(self._wiring.transcript.text)

    def bus_digest(self) -> str:
        """SHA-256 of all that has passed on its buses since the launch."""
        return self._node.call(self._wiring.transcript.digest)

    def _notify(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _wait(self, seen: Callable[[], bool], timeout_s: float, what: str) -> None:
        if isinstance(self._node, SteppedNode):
            came = self._node.run_until(seen, timeout_s)
        else:
            with self._changed:
                came = self._changed.wait_for(seen, timeout_s * STARVED)
        if not came:
            raise self._not_seen(what, timeout_s)

    def _not_seen(self, what: str, timeout_s: float) -> NotSeen:
        return NotSeen(f"{what} was not seen within {timeout_s} s; the console ends:\n{self.console[-2000:]}")


def _part(part: P | None, name: str) -> P:
    if part is None:
        raise NoSuchPart(f"this kind of node has no {name}")
    return part
