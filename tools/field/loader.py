"""Files and flash sectors over a board's REPL, packed: blocks deflated here and unpacked there, each with its CRC.

Never knows what they are for. Only what differs is sent, and all is hashed there in the end: what broke off, goes on.
Specification: this docstring; MicroPython's `deflate`; RFC 1950.

    block    length u16 as 4 hex digits | CRC-32 of the unpacked bytes as 8 | the packed bytes, escaped
    answer   k: taken, n: send it again

A byte that would interrupt the program (Ctrl-C) never stands in a block: 03 is sent as 1b 02, 1b as 1b 01. The board
unpacks and writes while nobody speaks: a UART has no flow control, and its flash stops all interrupts.
"""

import zlib
from collections.abc import Callable, Mapping
from functools import partial
from hashlib import sha256

from tools.errors import UsageError
from tools.field.board import Board
from tools.raw_repl import ReplFailed

BLOCK_BYTES = 8192
SECTOR_BYTES = 4096
WINDOW_BITS = 13  # of the packer: the board needs as much memory
ANSWER_S = 15.0
TRIES = 3
TAKEN, AGAIN = b"k", b"n"

ON_BOARD = """
import sys, os, json, io, gc, deflate
from binascii import crc32, hexlify
from hashlib import sha256
def folders(path):
    at = path.find("/", 1)
    while at > 0:
        try:
            os.mkdir(path[:at])
        except OSError:
            pass
        at = path.find("/", at + 1)
def block():
    source = sys.stdin.buffer
    sys.stdout.write("k")
    while True:
        head = source.read(12)
        data = source.read(int(head[:4], 16)).replace(b"\\x1b\\x02", b"\\x03").replace(b"\\x1b\\x01", b"\\x1b")
        try:
            data = deflate.DeflateIO(io.BytesIO(data), deflate.ZLIB).read()
            if crc32(data) == int(head[4:], 16):
                return data
        except (OSError, EOFError):
            pass
        sys.stdout.write("n")
def receive(files):
    data = b""
    for path, left in files:
        folders(path)
        with open(path + ".new", "wb") as file:
            while left:
                data = data or block()
                file.write(data[:left])
                data, left = data[left:], max(0, left - len(data))
        os.rename(path + ".new", path)
    sys.stdout.write("k")
def program(flash, numbers):
    data = b""
    for number in numbers:
        data = data or block()
        flash.ioctl(6, number)
        flash.writeblocks(number, data[:4096], 0)
        data = data[4096:]
    sys.stdout.write("k")
def sectors(flash, count):
    told, data = [], bytearray(4096)
    for number in range(count):
        flash.readblocks(number, data, 0)
        told.append(hexlify(sha256(data).digest()).decode())
    print(json.dumps(told))
def sums(paths):
    told = {}
    for path in paths:
        digest = sha256()
        try:
            with open(path, "rb") as file:
                while True:
                    data = file.read(1024)
                    if not data:
                        break
                    digest.update(data)
            told[path] = hexlify(digest.digest()).decode()
        except OSError:
            pass
    print(json.dumps(told))
"""

OnSent = Callable[[int], None]  # bytes of the whole that are there by now


class Loader:
    """`open()` brings the receiver onto the board; it stays until a reset."""

    def __init__(self, board: Board) -> None:
        self._board = board

    def open(self) -> None:
        self._board.run(ON_BOARD)

    def sums(self, paths: list[str]) -> dict[str, str]:
        """SHA-256 of the files that are there."""
        return dict(self._board.ask(f"sums({paths!r})"))

    def put(self, files: Mapping[str, bytes], on_sent: OnSent = lambda _count: None) -> int:
        """Write what differs, and read the hashes back; how many bytes were sent. Raises UsageError."""
        wanted = {path: sha256(data).hexdigest() for path, data in files.items()}

        def missing() -> tuple[str, bytes]:
            there = self.sums(list(files))
            found = {path: data for path, data in files.items() if there.get(path) != wanted[path]}
            return f"receive({[(path, len(data)) for path, data in found.items()]!r})", b"".join(found.values())

        return self._bring(missing, sum(map(len, files.values())), on_sent)

    def put_flash(self, flash: str, data: bytes, on_sent: OnSent = lambda _count: None) -> int:
        """The same with the sectors of a block device, `flash` is the expression that opens it there."""
        pieces = [data[at : at + SECTOR_BYTES].ljust(SECTOR_BYTES, b"\xff") for at in range(0, len(data), SECTOR_BYTES)]
        wanted = [sha256(piece).hexdigest() for piece in pieces]
        self._board.run(f"flash = {flash}")

        def missing() -> tuple[str, bytes]:
            there = self._board.ask(f"sectors(flash, {len(pieces)})")
            numbers = [number for number, digest in enumerate(wanted) if there[number] != digest]
            return f"program(flash, {numbers!r})", b"".join(pieces[number] for number in numbers)

        return self._bring(missing, len(pieces) * SECTOR_BYTES, on_sent)

    def _bring(self, missing: Callable[[], tuple[str, bytes]], whole: int, on_sent: OnSent) -> int:
        sent = 0
        for _ in range(TRIES):
            program, data = missing()
            if not data:
                on_sent(whole)
                return sent
            try:
                sent += len(data)
                self._send(program, data, partial(_tell, on_sent, whole - len(data)))
            except TimeoutError:
                self._board.repl.enter(ANSWER_S)
            except ReplFailed as fault:
                raise UsageError("fault_keeps_nothing", port=self._board.port, why=fault) from None
        raise UsageError("fault_garbles", port=self._board.port)

    def _send(self, program: str, plain: bytes, on_sent: OnSent) -> None:
        repl = self._board.repl
        repl.begin(program)
        self._answer()
        for at in range(0, len(plain), BLOCK_BYTES):
            packed = pack(plain[at : at + BLOCK_BYTES])
            for _ in range(TRIES):
                repl.say(packed)
                if self._answer() == TAKEN:
                    break
            else:
                raise TimeoutError("garbled")
            on_sent(at + BLOCK_BYTES)
        repl.end(ANSWER_S)

    def _answer(self) -> bytes:
        """TAKEN or AGAIN. Raises ReplFailed when the receiver has ended, TimeoutError."""
        answer = self._board.repl.hear_one(ANSWER_S)
        if answer not in (TAKEN, AGAIN):
            self._board.repl.end(ANSWER_S, printed_all=True)
        return answer


def _tell(on_sent: OnSent, there: int, sent: int) -> None:
    on_sent(there + sent)


def pack(data: bytes) -> bytes:
    """One block as it stands on the line."""
    packer = zlib.compressobj(9, zlib.DEFLATED, WINDOW_BITS)
    packed = packer.compress(data) + packer.flush()
    packed = packed.replace(b"\x1b", b"\x1b\x01").replace(b"\x03", b"\x1b\x02")
    return b"%04x%08x" % (len(packed), zlib.crc32(data)) + packed
