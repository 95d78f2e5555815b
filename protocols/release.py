"""A release: all modules and assets of a node as one set, cut into pieces, signed by its publisher.

Performs no I/O and compiles nothing: files come in as bytes. Host only; a node reads protocols/wire/manifest.py alone.
Specification: protocols/WIRE.md, "Firmware"; RFC 8032 (Ed25519), RFC 1951 (deflate).

    "VZRF" | format u8 | signed u8 | public key 32 | signature 64 | document: manifest | pieces, one behind the other
"""

import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from protocols import romfs
from protocols.wire import document, manifest
from protocols.wire.errors import MalformedFrame
from protocols.wire.manifest import Manifest, Piece
from protocols.wire.node_kinds import NODE_KINDS, kind_id

MAGIC = b"VZRF\x01"
PUBLIC_SIZE = 32
_HEAD_SIZE = len(MAGIC) + 1 + PUBLIC_SIZE + document.SIGNATURE_SIZE
MAX_BOARD, MAX_TEXT = 16, 24


class ReleaseFault(Exception):
    """The file is no release that could be used; the text is one sentence."""


@dataclass(frozen=True)
class Release:
    """`data` is the document that nodes pull; `public` and `signature` are empty while nobody has signed it."""

    data: bytes
    public: bytes = b""
    signature: bytes = b""

    @cached_property
    def manifest(self) -> Manifest:
        return manifest.parse(self.data)

    @property
    def kinds(self) -> list[str]:
        return [name for number, name, _, _ in NODE_KINDS if self.manifest.kinds >> number & 1]

    @cached_property
    def pieces(self) -> list[Piece]:
        return [manifest.parse_piece(self.data, manifest.place(number)) for number in range(self.manifest.pieces)]

    @property
    def signed_part(self) -> bytes:
        """What the signature stands over: the offer of this release."""
        identity = document.identity(document.FIRMWARE, self.data)
        return document.signed_part(
            document.Offer(document.FIRMWARE, self.manifest.counter, len(self.data), identity, b"")
        )

    @property
    def is_authentic(self) -> bool:
        """Whether the signature is that of the key which it names; whether that one is a publisher's, a node knows."""
        if not self.signature:
            return False
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(self.signature, self.signed_part)
        except InvalidSignature:
            return False
        return True

    def image(self) -> bytes:
        """The file system that a node mounts, every piece and the whole checked. Raises ReleaseFault."""
        image, at = bytearray(), manifest.length(self.manifest)
        for number, piece in enumerate(self.pieces):
            stored = self.data[at : at + piece.stored]
            at += piece.stored
            try:
                raw = stored if piece.stored == piece.size else zlib.decompress(stored, -manifest.WINDOW_BITS)
            except zlib.error:
                raw = b""
            if len(raw) != piece.size or sha256(raw).digest()[: manifest.DIGEST_SIZE] != piece.digest:
                raise ReleaseFault(f"piece {number} is damaged: build the release anew")
            image += raw
        if at != len(self.data) or len(image) != self.manifest.size or sha256(image).digest() != self.manifest.sha256:
            raise ReleaseFault("the image is not what the manifest says: build the release anew")
        return bytes(image)

    def files(self) -> dict[str, bytes]:
        """By path. Raises ReleaseFault."""
        try:
            return romfs.files_of(self.image())
        except romfs.NotRomfs:
            raise ReleaseFault("the image is no file system: build the release anew") from None

    def pack(self) -> bytes:
        """The bytes of the file."""
        public, signature = self.public or bytes(PUBLIC_SIZE), self.signature or bytes(document.SIGNATURE_SIZE)
        return MAGIC + bytes((bool(self.signature),)) + public + signature + self.data


def read(packed: bytes) -> Release:
    """A release's file. Raises ReleaseFault; a signature is for `is_authentic` to judge."""
    if not packed.startswith(MAGIC) or len(packed) < _HEAD_SIZE:
        raise ReleaseFault("this is no release: build one with `vuzol release build`")
    signed, rest = packed[len(MAGIC)], packed[len(MAGIC) + 1 :]
    public, signature, data = rest[:PUBLIC_SIZE], rest[PUBLIC_SIZE : _HEAD_SIZE - len(MAGIC) - 1], packed[_HEAD_SIZE:]
    release = Release(data, public, signature) if signed else Release(data)
    try:
        size = manifest.length(release.manifest)
        if len(data) < size or len(data) < size + sum(piece.stored for piece in release.pieces):
            raise MalformedFrame("malformed", "cut short")
    except (MalformedFrame, IndexError, ValueError):
        raise ReleaseFault("this release is damaged or of a newer format: fetch it again") from None
    return release


def build(
    files: Mapping[str, bytes],
    *,
    board: str,
    kinds: Iterable[str],
    counter: int,
    image: int,
    firmware: tuple[int, int, int],
    text: str = "",
) -> Release:
    """A release that nobody has signed; equal arguments give equal bytes. Raises ReleaseFault."""
    if len(board.encode()) > MAX_BOARD or len(text.encode()) > MAX_TEXT or not 1 <= counter <= 0xFFFFFFFF:
        raise ReleaseFault(f"a counter of 1 to 4294967295 and a text of at most {MAX_TEXT} bytes, please")
    parts = romfs.parts(files)
    pieces = list(_cut(parts))
    whole = b"".join(parts)
    if len(pieces) > manifest.MAX_PIECES:
        raise ReleaseFault(f"{len(pieces)} pieces are more than the {manifest.MAX_PIECES} that a node takes")
    mask = sum(1 << kind_id(kind) for kind in set(kinds))
    head = Manifest(board, mask, counter, image, firmware, len(whole), sha256(whole).digest(), text, len(pieces))
    return Release(manifest.build(head, [piece for piece, _ in pieces]) + b"".join(stored for _, stored in pieces))


def room(release: Release) -> int:
    """How many bytes of a slot the set takes: its manifest in pages, and its image."""
    return -(-manifest.length(release.manifest) // 256) * 256 + int(release.manifest.size)


def sign(release: Release, private: Ed25519PrivateKey) -> Release:
    """The release with its publisher's signature."""
    return replace(release, public=private.public_key().public_bytes_raw(), signature=private.sign(release.signed_part))


def _cut(parts: Iterable[bytes]) -> Iterator[tuple[Piece, bytes]]:
    """(piece, as it travels). With every file one begins, so that what did not change stays the same piece; of a large
    file there are several, and each fits a chunk."""
    for part in parts:
        while part:
            size = min(len(part), manifest.MAX_RAW)
            while len(stored := _deflated(part[:size])) > manifest.MAX_STORED:
                size -= max(1, size // 16)
            digest = sha256(part[:size]).digest()[: manifest.DIGEST_SIZE]
            yield Piece(size, len(stored), digest), stored
            part = part[size:]


def _deflated(raw: bytes) -> bytes:
    """The smaller of the two."""
    press = zlib.compressobj(9, zlib.DEFLATED, -manifest.WINDOW_BITS)
    pressed = press.compress(raw) + press.flush()
    return pressed if len(pressed) < len(raw) else raw
