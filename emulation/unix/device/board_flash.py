"""A raw flash partition of the simulated board, with rp2.Flash's extended block protocol.
It must never know what is stored; writeblocks with an offset programs without erasing, bits go only from 1 to 0.
Specification: MicroPython's `vfs.AbstractBlockDev` (extended interface) and the RP2 port's `rp2.Flash`.
"""

import os
import struct
import time

import bus_frames
import bus_link

BLOCK_BYTES = 4096
_IOCTL_BLOCK_COUNT = 4
_IOCTL_BLOCK_SIZE = 5
_IOCTL_BLOCK_ERASE = 6
EIO = 5
_MAX_PIECE = 32768  # of one frame
_busy = bytearray(5)


class Flash:
    def __init__(self, partition=0):
        self._partition = partition
        self._blocks = int(os.getenv("VUZOL_FLASH_BYTES").split(",")[partition]) // BLOCK_BYTES

    def readblocks(self, block_num, buf, offset=0):
        view = memoryview(buf)
        start = block_num * BLOCK_BYTES + offset
        for at in range(0, len(view), BLOCK_BYTES):
            piece = view[at : at + BLOCK_BYTES]
            answer = bytearray(len(piece) + 1)
            request = struct.pack("<II", start + at, len(piece))
            if bus_link.ask(bus_frames.FLASH_READ, self._partition, request, answer):
                raise OSError(EIO)
            piece[:] = memoryview(answer)[1:]

    def writeblocks(self, block_num, buf, offset=None):
        view = memoryview(buf)
        if offset is None:  # the simple interface: whole blocks, erased first
            for block in range(block_num, block_num + len(view) // BLOCK_BYTES):
                self._erase(block)
            offset = 0
        start = block_num * BLOCK_BYTES + offset
        for at in range(0, len(view), _MAX_PIECE):
            piece = view[at : at + _MAX_PIECE]
            payload = bytearray(4 + len(piece))
            struct.pack_into("<I", payload, 0, start + at)
            payload[4:] = piece
            self._operate(bus_frames.FLASH_WRITE, payload)

    def ioctl(self, op, arg):
        if op == _IOCTL_BLOCK_COUNT:
            return self._blocks
        if op == _IOCTL_BLOCK_SIZE:
            return BLOCK_BYTES
        if op == _IOCTL_BLOCK_ERASE:
            self._erase(arg)
        return 0

    def _erase(self, block):
        self._operate(bus_frames.FLASH_ERASE, struct.pack("<I", block))

    def _operate(self, op, payload):
        if bus_link.ask(op, self._partition, payload, _busy):
            raise OSError(EIO)
        time.sleep_us(struct.unpack_from("<I", _busy, 1)[0])
