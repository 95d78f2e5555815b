"""The peripherals' end of the bridges that Renode has on a node's buses: requests in, answers out, over loopback.
It must never know Renode, nor what a chip does. Everything here happens in the bus server's thread.
Specification: emulation/unix/device/bus_frames.py (the frames, SPI_EXCHANGE), and these operations beside them:

    op           unit   payload                    answer
    I2C_BEGIN    bus    address u8, read u8        -          one transfer, byte by byte; its status is whether it was
    I2C_PUT      bus    byte u8                    -          acknowledged
    I2C_GET      bus    -                          byte u8
    I2C_FINISH   bus    -                          -
    UART         uart   bytes, none to begin with  no status: from now on this connection's answers are the line's bytes
    INPUTS       0      -                          no status: from now on (pin u8, level u8) of all inputs, then changes
    RESET        0      -                          none: the chip was reset, by whatever
    PIN_WRITE    pin    level u8, at_us u32        none: at_us is the chip's own time
"""

import contextlib
import select
import socket
import struct
import time
from collections.abc import Callable, Mapping

from emulation.peripherals.ports import Alarm, Clock, I2CDevice, UartDevice
from emulation.peripherals.rgb_light import FULL_DUTY
from emulation.peripherals.wiring import Role, Wiring
from emulation.unix.bus_port import NO_DEVICE, OK, BusPort, ProtocolBroken
from emulation.unix.bus_server import BusServer
from emulation.unix.device import bus_frames as frames

I2C_BEGIN = 32
I2C_PUT = 33
I2C_GET = 34
I2C_FINISH = 35
UART = 36
INPUTS = 37
RESET = 38

LOOPBACK = "127.0.0.1"
LOOK_AGAIN_S = 0.05
LOOK_AT_INPUTS_US = 5_000
SILENT_US = 20_000  # of the real clock without an edge: the beeper is silent
_DRIVEN = struct.Struct("<BI")


class Tone:
    """A pin that a timer drives: its frequency is read from its edges, in the chip's time."""

    def __init__(self, clock: Clock, drive: Callable[[int, int], None]) -> None:
        self._clock = clock
        self._drive = drive
        self._rose_us: int | None = None
        self._heard_us = 0  # the period of the tone that sounds
        self._ending: Alarm | None = None

    def edge(self, level: int, at_us: int) -> None:
        if level:
            period_us = 0 if self._rose_us is None else at_us - self._rose_us & 0xFFFF_FFFF
            self._rose_us = at_us
            if 0 < period_us < SILENT_US and abs(period_us - self._heard_us) > 1:  # edges come in whole microseconds
                self._heard_us = period_us
                self._drive(round(1e6 / period_us), FULL_DUTY // 2)
        if self._ending is not None:
            self._ending.cancel()
        self._ending = self._clock.call_at(self._clock.now_us() + SILENT_US, self._end)

    def _end(self) -> None:
        self._rose_us = self._ending = None
        self._heard_us = 0
        self._drive(0, 0)


class BridgePort:
    """`port` is where the bridges of one node connect to; `on_reset` hears that its chip has begun anew."""

    def __init__(
        self,
        server: BusServer,
        wiring: Wiring,
        roles: Mapping[str, Role],
        on_reset: Callable[[], None],
        more_uarts: Mapping[int, UartDevice],
    ) -> None:
        self._server = server
        self.wiring = wiring
        self.uarts = {**wiring.uarts, **more_uarts}
        self.on_reset = on_reset
        steady = set(roles.get("light", {}).values())
        self.lights = {pin: drive for pin, drive in wiring.pwms.items() if pin in steady}
        self.tones = {pin: Tone(wiring.clock, drive) for pin, drive in wiring.pwms.items() if pin not in steady}
        self._connections: list[Connection] = []
        self._levels: dict[int, int] = {}
        self._inputs: Connection | None = None
        self._listener = socket.create_server((LOOPBACK, 0))
        self.port: int = self._listener.getsockname()[1]
        server.watch(self._listener.fileno(), self._accept)
        self._tick: Alarm = wiring.clock.call_at(wiring.clock.now_us(), self._look)

    def close(self) -> None:
        self._tick.cancel()
        self._server.unwatch(self._listener.fileno())
        self._listener.close()
        for connection in list(self._connections):
            self._drop(connection)

    def serve_while(self, busy: Callable[[], bool], longest_s: float) -> None:
        """For whoever waits in the server's thread for an emulator whose buses wait for this one."""
        deadline_s = time.monotonic() + longest_s
        while busy() and time.monotonic() < deadline_s:
            of = {connection.socket: connection for connection in self._connections}
            for ready in select.select(list(of), [], [], LOOK_AGAIN_S)[0]:
                self._serve(of[ready])

    def tell_inputs(self, listener: "Connection") -> None:
        self._inputs = listener
        self._levels.clear()
        self.refresh_inputs()

    def refresh_inputs(self) -> None:
        """Someone may have pressed or let go."""
        if self._inputs is None:
            return
        for pin, level_of in self.wiring.inputs.items():
            level = level_of()
            if self._levels.get(pin) != level:
                self._levels[pin] = level
                self._inputs.send(bytes((pin, level)))

    def _look(self) -> None:
        self.refresh_inputs()
        self._tick = self.wiring.clock.call_at(self.wiring.clock.now_us() + LOOK_AT_INPUTS_US, self._look)

    def _accept(self) -> None:
        taken, _ = self._listener.accept()
        connection = Connection(taken, self)
        self._connections.append(connection)
        self._server.watch(taken.fileno(), lambda: self._serve(connection))

    def _serve(self, connection: "Connection") -> None:
        try:
            alive = connection.serve()
        except (OSError, ProtocolBroken):
            alive = False
        if not alive:
            self._drop(connection)

    def _drop(self, connection: "Connection") -> None:
        self._connections.remove(connection)
        if self._inputs is connection:
            self._inputs = None
        self._server.unwatch(connection.socket.fileno())
        connection.socket.close()


class Connection:
    """One bridge's. The connection of the buses has their transfers in order: chip select, then the bytes."""

    def __init__(self, taken: socket.socket, owner: BridgePort) -> None:
        self.socket = taken
        taken.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._owner = owner
        self._wiring = owner.wiring
        self._called: dict[int, I2CDevice] = {}  # bus: who is being spoken to
        handlers = {
            I2C_BEGIN: self._i2c_begin,
            I2C_PUT: self._i2c_put,
            I2C_GET: self._i2c_get,
            I2C_FINISH: self._i2c_finish,
            UART: self._uart,
            INPUTS: self._inputs,
            RESET: self._reset,
            frames.PIN_WRITE: self._pin_write,
        }
        self._port = BusPort(owner.wiring, (), lambda _timeout_ms: None, handlers)

    def serve(self) -> bool:
        """False when the other end has gone. Raises OSError, ProtocolBroken."""
        data = self.socket.recv(65_536)
        self.send(self._port.feed(data))
        return bool(data)

    def send(self, data: bytes) -> None:
        """Into nothing when the other end has gone: a receiver speaks to whom it was once wired."""
        with contextlib.suppress(OSError):
            self.socket.sendall(data)

    def _i2c_begin(self, bus: int, payload: bytes) -> bytes:
        self._i2c_finish(bus, b"")
        device = self._wiring.i2c.get((bus, payload[0]))
        if device is None or not device.start(read=bool(payload[1])):
            return NO_DEVICE
        self._called[bus] = device
        return OK

    def _i2c_put(self, bus: int, payload: bytes) -> bytes:
        device = self._called.get(bus)
        return OK if device is not None and device.write_byte(payload[0]) else NO_DEVICE

    def _i2c_get(self, bus: int, _payload: bytes) -> bytes:
        device = self._called.get(bus)
        return OK + bytes((0xFF if device is None else device.read_byte(),))

    def _i2c_finish(self, bus: int, _payload: bytes) -> bytes:
        device = self._called.pop(bus, None)
        if device is not None:
            device.stop()
        return OK

    def _uart(self, unit: int, payload: bytes) -> bytes:
        device = self._owner.uarts.get(unit)
        if device is not None and payload:
            device.feed(payload)
        elif device is not None:
            device.on_output = self.send
        return b""

    def _inputs(self, _unit: int, _payload: bytes) -> bytes:
        self._owner.tell_inputs(self)
        return b""

    def _reset(self, _unit: int, _payload: bytes) -> bytes:
        self._wiring.release_pins()
        self._owner.on_reset()
        return b""

    def _pin_write(self, pin: int, payload: bytes) -> bytes:
        level, at_us = _DRIVEN.unpack(payload)
        if (output := self._wiring.outputs.get(pin)) is not None:
            output(level)
        elif (light := self._owner.lights.get(pin)) is not None:
            light(0, FULL_DUTY if level else 0)
        elif (tone := self._owner.tones.get(pin)) is not None:
            tone.edge(level, at_us)
        return b""
