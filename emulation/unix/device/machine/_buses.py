"""`machine.I2C` and `machine.SPI`, transfer by transfer through the emulator.
It must never know what hangs on a bus.
Specification: MicroPython's `machine.I2C` and `machine.SPI`; a missing acknowledgement is OSError(EIO), as on the RP2.
"""

import struct

import bus_frames
import bus_link

EIO = 5
_acknowledged = bytearray(3)


class I2C:
    def __init__(self, id=0, *, scl=None, sda=None, freq=400000, timeout=50000):
        self._id = id
        self._answer = bytearray(65)

    def init(self, **_options):
        pass

    def scan(self):
        return [address for address in range(0x08, 0x78) if self._write(address, b"") is not None]

    def writeto(self, addr, buf, stop=True):
        count = self._write(addr, buf)
        if count is None:
            raise OSError(EIO)
        return count

    def readfrom_into(self, addr, buf, stop=True):
        size = len(buf)
        if size + 1 > len(self._answer):
            self._answer = bytearray(size + 1)
        answer = memoryview(self._answer)[: size + 1]
        if bus_link.ask(bus_frames.I2C_READ, self._id, struct.pack("<BH", addr, size), answer):
            raise OSError(EIO)
        buf[:] = answer[1:]

    def readfrom(self, addr, nbytes, stop=True):
        data = bytearray(nbytes)
        self.readfrom_into(addr, data)
        return bytes(data)

    def writeto_mem(self, addr, memaddr, buf, *, addrsize=8):
        self.writeto(addr, memaddr.to_bytes(addrsize // 8, "big") + bytes(buf))

    def readfrom_mem_into(self, addr, memaddr, buf, *, addrsize=8):
        self.writeto(addr, memaddr.to_bytes(addrsize // 8, "big"), False)
        self.readfrom_into(addr, buf)

    def readfrom_mem(self, addr, memaddr, nbytes, *, addrsize=8):
        data = bytearray(nbytes)
        self.readfrom_mem_into(addr, memaddr, data, addrsize=addrsize)
        return bytes(data)

    def _write(self, addr, buf):
        payload = bytearray(len(buf) + 1)
        payload[0] = addr
        payload[1:] = buf
        if bus_link.ask(bus_frames.I2C_WRITE, self._id, payload, _acknowledged):
            return None
        return struct.unpack_from("<H", _acknowledged, 1)[0]


class SPI:
    MSB = 0
    LSB = 1

    def __init__(
        self, id=0, baudrate=1000000, *, polarity=0, phase=0, bits=8, firstbit=0, sck=None, mosi=None, miso=None
    ):
        self._id = id

    def init(self, *_values, **_options):
        pass

    def deinit(self):
        pass

    def write(self, buf):
        view = memoryview(buf)
        for start in range(0, len(view), bus_frames.MAX_PAYLOAD):
            bus_link.post(bus_frames.SPI_WRITE, self._id, view[start : start + bus_frames.MAX_PAYLOAD])

    def write_readinto(self, write_buf, read_buf):
        if len(write_buf) != len(read_buf):
            raise ValueError("buffers must be the same length")
        answer = bytearray(len(read_buf) + 1)
        bus_link.ask(bus_frames.SPI_EXCHANGE, self._id, write_buf, answer)
        read_buf[:] = memoryview(answer)[1:]

    def readinto(self, buf, write=0):
        self.write_readinto(bytes([write]) * len(buf), buf)

    def read(self, nbytes, write=0):
        data = bytearray(nbytes)
        self.readinto(data, write)
        return bytes(data)
