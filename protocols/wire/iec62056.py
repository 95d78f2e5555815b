"""IEC 62056-21: sign on to a meter and read its data sets, byte by byte, in modes A, B and C.

    → /?address!     ← /XXXZ identity     → ACK 0 Z 0     ← STX  address(value*unit)(…) …  !  ETX BCC

Never reads a line or a clock, and keeps no more than one data set: a readout may be longer than a node's memory.
Specification: IEC 62056-21:2002, sections 5 and 6; DSMR P1 (the CRC behind the `!` of meters that speak unasked).
"""

from collections import namedtuple

from protocols.wire.errors import MalformedFrame

FIRST_BAUD = 300
BITS, PARITY_EVEN = 7, 0  # as machine.UART has them
BAUDS_C = {"0": 300, "1": 600, "2": 1200, "3": 2400, "4": 4800, "5": 9600, "6": 19200}
BAUDS_B = {"A": 600, "B": 1200, "C": 2400, "D": 4800, "E": 9600, "F": 19200}  # the meter changes by itself
MAX_SET = 256  # bytes of one data set

STX, ACK = 0x02, 0x06
_LINE_ENDS = b"\r\n"
_REQUEST = b"/?"
_OPEN, _CLOSE, _END, _SLASH, _ETX = b"(", b")", b"!", b"/", b"\x03"

Identification = namedtuple("Identification", ("manufacturer", "baud", "acknowledge", "identity"))
DataSet = namedtuple("DataSet", ("address", "values"))  # values: (text, unit) pairs; a unit may be ""

# What ModeC.feed() asks for or tells.
Send = namedtuple("Send", ("data",))
SetBaud = namedtuple("SetBaud", ("baud",))
End = namedtuple("End", ("intact",))  # intact None: the readout carries no check


def identify(line: bytes) -> Identification:
    """What `/XXXZ identity` says; `acknowledge` are the bytes that ask for the readout. Raises MalformedFrame."""
    text = "".join([chr(byte) for byte in line]).strip()
    if len(text) < 5 or text[0] != "/":
        raise MalformedFrame("malformed", "no identification: a meter answers /XXXZ and its name")
    speed = text[4]
    if speed in BAUDS_C:
        return Identification(text[1:4], BAUDS_C[speed], bytes((ACK,)) + f"0{speed}0\r\n".encode(), text[5:])
    return Identification(text[1:4], BAUDS_B.get(speed, FIRST_BAUD), b"", text[5:].strip())


def decimal(text: str) -> tuple[int, int] | None:
    """`00433.65` is (43365, -2): digits and power of ten; None: it is no number."""
    digits = text.strip().replace(".", "", 1)
    if not digits.lstrip("-").isdigit():
        return None
    point = text.find(".")
    return int(digits), 0 if point < 0 else point + 1 - len(text.strip())


class Readout:
    """Takes bytes, gives data sets. `ended`: nothing more comes; `intact`: what the check says, None without one."""

    def __init__(self) -> None:
        self._set = bytearray()
        self._address = ""
        self._depth = 0
        self._tail: bytearray | None = None  # behind the `!`
        self._bcc: int | None = None  # since STX
        self._crc: int | None = None  # since `/`
        self.ended = False
        self.intact: bool | None = None

    def feed(self, data: bytes | bytearray | memoryview) -> list[DataSet]:
        """The data sets that these bytes complete. Raises MalformedFrame."""
        found: list[DataSet] = []
        for byte in data:
            self._take(byte & 0x7F, found)  # a line with 8 bits shows the parity
        return found

    def end(self) -> None:
        """The line has been silent: a readout without ETX ends so. Raises MalformedFrame if it is not over."""
        if self._tail is None:
            raise MalformedFrame("malformed", "the readout is cut short")
        crc = bytes(self._tail).strip()
        if not self.ended and len(crc) == 4 and self._crc is not None:
            self.intact = crc == f"{self._crc:04X}".encode()
        self.ended = True

    def _take(self, byte: int, found: list[DataSet]) -> None:
        if self._tail is not None:
            self._take_tail(byte)
            return
        if byte == STX:
            self._bcc = 0
            return
        if byte == _SLASH[0] and self._crc is None:
            self._crc = 0
        self._check(byte)
        if byte == _END[0] and not self._depth:
            self._give(found)
            self._tail = bytearray()
        elif byte in _LINE_ENDS and not self._depth:
            self._give(found)
        else:
            self._take_inside(byte, found)

    def _take_inside(self, byte: int, found: list[DataSet]) -> None:
        if byte == _OPEN[0]:
            self._depth += 1
        elif byte == _CLOSE[0]:
            self._depth -= 1
        elif not self._depth and self._set[-1:] == _CLOSE:
            self._give(found)  # the next data set stands on the same line
        if not 0 <= self._depth <= 1 or len(self._set) == MAX_SET:
            raise MalformedFrame("malformed", f"no data set: {bytes(self._set[:32])!r}")
        self._set.append(byte)

    def _give(self, found: list[DataSet]) -> None:
        """End the data set. One that begins with a bracket goes on with the address before; a line may be a name."""
        text = bytes(self._set).decode()
        self._set = bytearray()
        start = text.find("(")
        if start < 0:
            return
        self._address = text[:start] or self._address
        values = []
        for value in text[start + 1 : -1].split(")("):
            number, _, unit = value.partition("*")
            values.append((number, unit))
        found.append(DataSet(self._address, tuple(values)))

    def _take_tail(self, byte: int) -> None:
        assert self._tail is not None
        if self.ended:
            return
        if self._tail[-1:] == _ETX:
            self.ended, self.intact = True, self._bcc == byte
            return
        self._tail.append(byte)
        if self._bcc is not None:
            self._bcc ^= byte
        if len(self._tail) > 16:
            raise MalformedFrame("malformed", "bytes behind the end of the readout")

    def _check(self, byte: int) -> None:
        if self._bcc is not None:
            self._bcc ^= byte
        if self._crc is not None:
            crc = self._crc ^ byte
            for _ in range(8):
                crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
            self._crc = crc


class ModeC:
    """One readout, from the sign-on to the last byte. Do what start(), feed() and end() give, in order."""

    def __init__(self, address: str = "") -> None:
        self._address = address
        self._line = bytearray()
        self._readout: Readout | None = None
        self.identification: Identification | None = None

    def start(self) -> tuple[SetBaud, Send]:
        """How to begin; the answer comes within 1.5 s."""
        return SetBaud(FIRST_BAUD), Send(f"/?{self._address}!\r\n".encode())

    def feed(self, data: bytes | bytearray | memoryview) -> list[Send | SetBaud | DataSet | End]:
        """What to do after these bytes. Raises MalformedFrame."""
        if self._readout is not None:
            return self._read(data)
        for place, byte in enumerate(data):
            self._line.append(byte & 0x7F)
            if byte & 0x7F == _LINE_ENDS[1]:
                return self._sign_on() + self.feed(data[place + 1 :])
        if len(self._line) > MAX_SET:
            raise MalformedFrame("malformed", "an identification without an end")
        return []

    def end(self) -> list[End]:
        """The line has been silent. Raises MalformedFrame if the meter was not at its end."""
        if self._readout is None:
            raise MalformedFrame("malformed", "no identification")
        self._readout.end()
        return [End(self._readout.intact)]

    def _sign_on(self) -> list[Send | SetBaud | DataSet | End]:
        line, self._line = bytes(self._line), bytearray()
        if line[:2] == _REQUEST:  # our own, as a two-wire line echoes it
            return []
        told = self.identification = identify(line)
        self._readout = Readout()
        steps: list[Send | SetBaud | DataSet | End] = [Send(told.acknowledge)] if told.acknowledge else []
        return steps + [SetBaud(told.baud)]

    def _read(self, data: bytes | bytearray | memoryview) -> list[Send | SetBaud | DataSet | End]:
        assert self._readout is not None
        found: list[Send | SetBaud | DataSet | End] = list(self._readout.feed(data))
        if self._readout.ended:
            found.append(End(self._readout.intact))
        return found
