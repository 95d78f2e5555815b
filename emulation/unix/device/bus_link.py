"""The node's end of the bus socket: posts a frame, or sends one and waits for its answer.
It must never know what a transfer means; `machine` and `board_flash` do.
Specification: bus_frames.py.
"""

import os
import struct

import bus_frames

_descriptor = os.getenv("VUZOL_BUS_FD")
if not _descriptor:
    raise RuntimeError("no VUZOL_BUS_FD: a node of the board unix is started by emulation.launch")
_bus = open(int(_descriptor), "r+b")  # noqa: SIM115 (it stays open as long as the node runs)
_small = bytearray(64)  # a frame that fits goes out in one system call and allocates nothing


def post(op, unit, payload=b""):
    size = len(payload)
    if size <= 60:
        struct.pack_into(bus_frames.HEADER, _small, 0, op, unit, size)
        _small[4 : 4 + size] = payload
        _bus.write(memoryview(_small)[: 4 + size])
    else:
        _bus.write(struct.pack(bus_frames.HEADER, op, unit, size))
        _bus.write(payload)


def ask(op, unit, payload, answer):
    """Fills `answer`, status first. Returns the status."""
    post(op, unit, payload)
    if _bus.readinto(answer) != len(answer):
        raise SystemExit("the emulator has gone")
    return answer[0]
