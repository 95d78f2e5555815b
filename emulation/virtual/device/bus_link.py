"""The node's end of the bus socket in virtual time: it holds the node's clock, and hands on what has arrived.
It must never read a real clock: time moves by waiting, and by the transfers themselves.
Specification: time_frames.py; emulation/unix/device/bus_link.py is the same seam in real time.
"""

import os
import struct
import sys

import bus_frames
import time_frames

_BYTE_NS = {  # bits a byte over the clock of the boards' buses: I2C at 400 kHz, SPI at 10 MHz
    bus_frames.I2C_WRITE: 22500,
    bus_frames.I2C_READ: 22500,
    bus_frames.SPI_WRITE: 800,
    bus_frames.SPI_EXCHANGE: 800,
}
_REACHES_OTHERS = (time_frames.UART_WRITE, time_frames.CONNECT, time_frames.SEND, time_frames.CLOSE)

_descriptor = os.getenv("VUZOL_BUS_FD")
if not _descriptor:
    raise RuntimeError("no VUZOL_BUS_FD: a node of the board unix is started by emulation.launch")
_bus = open(int(_descriptor), "r+b")  # noqa: SIM115 (it stays open as long as the node runs)
_out = bytearray(8192)
_used = 0
_answer = bytearray(time_frames.WAIT_ANSWER_SIZE)
_told_us = 0  # what the emulator knows of our clock
_free_until_us = -1
_seen = False  # somebody may see or hear what was posted
_is_watched = os.getenv("VUZOL_WATCHED") == "1"  # else nobody sees it before our next wait
now_us = 0
same = False  # what was just read will read the same
arrived = False  # since the poller has looked
receivers = {}  # (kind of arrival, unit) -> function of data


def post(op, unit, payload=b""):
    global now_us, same, _free_until_us, _seen
    same = False
    _seen = _is_watched and (_seen or op != bus_frames.WATCHDOG)
    if op in _BYTE_NS:
        now_us += len(payload) * _BYTE_NS[op] // 1000
    elif op in _REACHES_OTHERS:
        _free_until_us = 0
    _put(op, unit, payload)


def ask(op, unit, payload, answer):
    """Fills `answer`, status first. Returns the status."""
    global now_us, same
    post(op, unit, payload)
    _flush()
    _read(answer)
    if op == bus_frames.I2C_READ:
        now_us += len(answer) * _BYTE_NS[op] // 1000
    if answer[0] == time_frames.STATUS_SAME:
        same = True
        answer[0] = bus_frames.STATUS_OK
    return answer[0]


def wait(until_us):
    """Let time pass until then, or until something has arrived, which may be at once."""
    global now_us, _told_us, _free_until_us, _seen
    if until_us <= _free_until_us and not _seen:
        now_us = until_us
        return
    _seen = False
    _put(time_frames.WAIT, 0, struct.pack("<Q", until_us))
    _flush()
    _read(_answer)
    _, now_us, _free_until_us, size = struct.unpack(time_frames.WAIT_ANSWER, _answer)
    _told_us = now_us
    if size:
        _hand_on(_bus.read(size))


def _hand_on(data):
    global arrived
    arrived = True
    at = 0
    while at < len(data):
        kind, unit, size = struct.unpack_from(bus_frames.HEADER, data, at)
        at += bus_frames.HEADER_SIZE
        receive = receivers.get((kind, unit))
        if receive:
            receive(data[at : at + size])
        at += size


def _put(op, unit, payload):
    global _used, _told_us
    if _told_us != now_us:
        _told_us = now_us
        _put(time_frames.ADVANCE, 0, struct.pack("<Q", now_us))
    size = len(payload)
    if _used + bus_frames.HEADER_SIZE + size > len(_out):
        _flush()
    if size > len(_out) - bus_frames.HEADER_SIZE:
        _bus.write(struct.pack(bus_frames.HEADER, op, unit, size))
        _bus.write(payload)
        return
    struct.pack_into(bus_frames.HEADER, _out, _used, op, unit, size)
    _used += bus_frames.HEADER_SIZE
    _out[_used : _used + size] = payload
    _used += size


def _flush():
    global _used
    if _used:
        _bus.write(memoryview(_out)[:_used])
        _used = 0


def _read(answer):
    if _bus.readinto(answer) != len(answer):
        raise SystemExit("the emulator has gone")


# These two are looked for where no file of ours can stand before them.
sys.modules["_asyncio"] = __import__("task_queue")
sys.modules["machine._uart"] = __import__("uart_line")
wait(0)  # the time at which this boot begins
