"""The M-Bus master: what to ask, what an answer means, what to ask next. Reads meters, and finds them.

Every function here is a generator: it yields bytes to send and is sent what came back: a frame, ACKNOWLEDGED, SILENCE
or GARBLED. `yield from` it, or drive it as firmware/nodes/mbus_meters.py does.

Never reads a line or a clock. Specification: EN 13757-2, section 5 (FCB), 13757-3, section 11 (selection, wildcards).
"""

from binascii import crc32

from protocols.wire.errors import EncodeError, MalformedFrame
from protocols.wire.mbus import frame, telegram

ACKNOWLEDGED = None  # as frame.parse() says it
SILENCE = 0
GARBLED = 1  # a wrong checksum, or several at once

ATTEMPTS = 3  # a request is sent again after silence and after a garbled answer, EN 13757-2, 5.5.3
MAX_TELEGRAMS = 16  # of one meter, so that one that never ends does not keep the bus
CI_SELECT = 0x52
ID_DIGITS = 8
_WILDCARDS = b"\xff\xff\xff\xff"  # any manufacturer, version and medium


class NoAnswer(Exception):
    """Nobody answered, `garbled` False; or nobody understandably, so often as it was asked."""

    def __init__(self, garbled: bool) -> None:
        super().__init__("garbled" if garbled else "silent")
        self.garbled = garbled


def select(digits: str) -> bytes:
    """The frame that selects by identification number; F stands for any digit. Raises EncodeError."""
    if len(digits) != ID_DIGITS or digits.upper().strip("0123456789ABCDEF"):
        raise EncodeError(f"meter number {digits!r}: eight digits")
    number = bytes([int(digits[at : at + 2], 16) for at in range(ID_DIGITS - 2, -1, -2)])
    return frame.build_long(frame.SND_UD, frame.SECONDARY, CI_SELECT, number + _WILDCARDS)


def read(address, take):
    """Every telegram of one meter, each handed to take(telegram) while its frame is there.

    `address`: a primary address, or the eight digits of a secondary one. Returns a checksum over what was read, to be
    compared with the last one: a meter counts its answers, so an equal one is stale. Raises NoAnswer, MalformedFrame,
    MeterRefused.
    """
    primary = frame.SECONDARY
    if isinstance(address, str):
        yield from reach(address)
    else:
        primary = address
        yield from _confirmed(frame.build_short(frame.SND_NKE, address))
    control = frame.REQ_UD2 | frame.FCB
    checksum = 0
    for _ in range(MAX_TELEGRAMS):
        answer = yield from _answered(frame.build_short(control, primary))
        checksum = crc32(answer.data, checksum)
        told = telegram.parse(answer)
        take(told)
        for _ in told.records:
            pass  # what was not taken stands before the mark of more
        if not told.more_follow:
            return checksum
        control ^= frame.FCB  # the same again would ask for the same telegram
    raise MalformedFrame("malformed", f"more than {MAX_TELEGRAMS} telegrams")


def reach(digits):
    """Select the one meter with this number. Raises NoAnswer."""
    yield frame.build_short(frame.SND_NKE, frame.SECONDARY)  # nobody is selected any more, and nobody need answer
    yield from _confirmed(select(digits))


def scan(found, collided):
    """Find every meter by its identification number: found(header), or collided(digits) for several with the same."""
    masks = [""]
    while masks:
        known = masks.pop()
        digits = known + "F" * (ID_DIGITS - len(known))
        header = None
        try:
            yield from reach(digits)
            answer = yield from _answered(frame.build_short(frame.REQ_UD2 | frame.FCB, frame.SECONDARY))
            header = telegram.parse(answer).header
        except NoAnswer as nobody:
            if not nobody.garbled:
                continue
        except (MalformedFrame, telegram.MeterRefused):
            pass
        if header is not None and header.id is not None:
            found(header)
        elif len(known) == ID_DIGITS:
            collided(digits)
        else:
            masks.extend([known + digit for digit in "9876543210"])


def scan_primary(first, last, found, collided):
    """Find every meter by its primary address: found(address), collided(address)."""
    for address in range(first, last + 1):
        try:
            yield from _answered(frame.build_short(frame.REQ_UD2 | frame.FCB, address), 1)
            found(address)
        except NoAnswer as nobody:
            if nobody.garbled:
                collided(address)


def _answered(request, attempts=ATTEMPTS):
    """The long frame that answers a request; sent again with the same FCB, so that nothing is passed over."""
    garbled = False
    for _ in range(attempts):
        answer = yield request
        if answer is SILENCE:
            continue
        if answer is not GARBLED and answer is not ACKNOWLEDGED and answer.ci is not None:
            return answer
        garbled = True
    raise NoAnswer(garbled)


def _confirmed(request):
    garbled = False
    for _ in range(ATTEMPTS):
        answer = yield request
        if answer is ACKNOWLEDGED:
            return
        garbled = garbled or answer is not SILENCE
    raise NoAnswer(garbled)
