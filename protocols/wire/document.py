"""Documents: what a node keeps whole, by type and version, and pulls in chunks: offer, request, chunk.

    offer    down  type u8 | version u32 | size u32 | identity 32 bytes | signature, 0 or 64 bytes
    request  up    type u8 | version u32 | offset u32 | size u16
    chunk    down  type u8 | version u32 | offset u32 | data

The identity is a document's SHA-256; of firmware that of its manifest alone, since a node pulls only what it lacks.
The signature is the publisher's, Ed25519 over what stands before it.
Never knows what else is in a document. An offer outlives a restart of the node, a chunk answers one boot's request.
Specification: protocols/WIRE.md, "Documents".
"""

import struct
from collections import namedtuple
from hashlib import sha256

from protocols.wire import manifest
from protocols.wire.envelope import ANY_BOOT, DOCUMENT_CHUNK, DOCUMENT_OFFER, seal
from protocols.wire.errors import EncodeError, MalformedFrame

DENY_LIST = 1
TIMETABLE = 2
PLAYLIST = 3
FONT = 4
FIRMWARE = 5
CALIBRATION = 6
TYPES = (  # id, name, whether it has to be signed by its publisher (Ed25519)
    (DENY_LIST, "deny_list", True),
    (TIMETABLE, "timetable", False),
    (PLAYLIST, "playlist", False),
    (FONT, "font", False),
    (FIRMWARE, "firmware", True),
    (CALIBRATION, "calibration", True),
)
CHUNK_SIZE = 1024
FIRMWARE_CHUNK_SIZE = 2048  # several pieces, or much of the manifest
SIGNATURE_SIZE = 64
_SHA256_SIZE = 32
_OFFER = ">BII32s"
_OFFER_SIZE = 41
_REQUEST = ">BIIH"
_REQUEST_SIZE = 11
_CHUNK = ">BII"
_CHUNK_SIZE = 9

Offer = namedtuple("Offer", ("type", "version", "size", "sha256", "signature"))
Request = namedtuple("Request", ("type", "version", "offset", "size"))
Chunk = namedtuple("Chunk", ("type", "version", "offset", "data"))


def must_be_signed(type_id: int) -> bool | None:
    """None for a type that is not known here."""
    for known, _, signed in TYPES:
        if known == type_id:
            return signed
    return None


def largest_chunk(type_id: int) -> int:
    """How much of a document of this type travels at once, at most."""
    return FIRMWARE_CHUNK_SIZE if type_id == FIRMWARE else CHUNK_SIZE


def identity(type_id: int, data: bytes) -> bytes:
    """What names a document's content in its offer. Raises MalformedFrame for firmware without a manifest."""
    if type_id == FIRMWARE:
        data = data[: manifest.length(manifest.parse(data))]
    return sha256(data).digest()


def signed_part(offer: Offer) -> bytes:
    """What the publisher's signature stands over. Raises EncodeError."""
    if not 0 <= offer.type <= 0xFF or not 1 <= offer.version <= 0xFFFFFFFF or not 1 <= offer.size <= 0xFFFFFFFF:
        raise EncodeError("type, version or size of a document out of range")
    if len(offer.sha256) != _SHA256_SIZE:
        raise EncodeError("identity of a document")
    return struct.pack(_OFFER, offer.type, offer.version, offer.size, offer.sha256)


def build_offer(key: bytes, node: bytes, offer: Offer) -> bytes:
    """Seal an offer for `node`. Raises EncodeError."""
    if len(offer.signature) not in (0, SIGNATURE_SIZE):
        raise EncodeError("signature of a document")
    return seal(key, DOCUMENT_OFFER, node, ANY_BOOT, signed_part(offer) + offer.signature)


def parse_offer(payload: bytes) -> Offer:
    """Raises MalformedFrame."""
    if len(payload) - _OFFER_SIZE not in (0, SIGNATURE_SIZE):
        raise MalformedFrame("malformed", "offer")
    type_id, version, size, sha256 = struct.unpack_from(_OFFER, payload)
    if version == 0 or size == 0:
        raise MalformedFrame("malformed", "offer")
    return Offer(type_id, version, size, bytes(sha256), bytes(payload[_OFFER_SIZE:]))


def build_request(request: Request) -> bytes:
    """The payload; the node's session seals it."""
    return struct.pack(_REQUEST, request.type, request.version, request.offset, request.size)


def parse_request(payload: bytes) -> Request:
    """Raises MalformedFrame."""
    if len(payload) != _REQUEST_SIZE:
        raise MalformedFrame("malformed", "request")
    request = Request(*struct.unpack(_REQUEST, payload))
    if request.version == 0 or not 1 <= request.size <= largest_chunk(request.type):
        raise MalformedFrame("malformed", "request")
    return request


def build_chunk(key: bytes, node: bytes, boot_id: int, chunk: Chunk) -> bytes:
    """Seal the answer to a request of this boot. Raises EncodeError."""
    if not 1 <= len(chunk.data) <= largest_chunk(chunk.type):
        raise EncodeError(f"chunk of {len(chunk.data)} bytes")
    head = struct.pack(_CHUNK, chunk.type, chunk.version, chunk.offset)
    return seal(key, DOCUMENT_CHUNK, node, boot_id, head + chunk.data)


def parse_chunk(payload: bytes) -> Chunk:
    """Raises MalformedFrame."""
    if len(payload) <= _CHUNK_SIZE:
        raise MalformedFrame("malformed", "chunk")
    type_id, version, offset = struct.unpack_from(_CHUNK, payload)
    if len(payload) > _CHUNK_SIZE + largest_chunk(type_id):
        raise MalformedFrame("malformed", "chunk")
    return Chunk(type_id, version, offset, bytes(payload[_CHUNK_SIZE:]))
