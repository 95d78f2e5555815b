"""SHA-512 for short messages: MicroPython has none, and Ed25519 needs it.

Never meant for bulk: a block of 128 bytes takes a microcontroller tens of milliseconds.
Specification: FIPS 180-4, sections 4.1.3, 4.2.3, 5.3.5 and 6.4.
"""

import struct
from binascii import unhexlify

BLOCK_SIZE = 128
_MASK = (1 << 64) - 1
_START = unhexlify(
    "6a09e667f3bcc908bb67ae8584caa73b3c6ef372fe94f82ba54ff53a5f1d36f1"
    "510e527fade682d19b05688c2b3e6c1f1f83d9abfb41bd6b5be0cd19137e2179"
)
# In one piece: 80 numbers of this size would take 3 KB of a node's heap.
_K = unhexlify(
    "428a2f98d728ae227137449123ef65cdb5c0fbcfec4d3b2fe9b5dba58189dbbc3956c25bf348b53859f111f1b605d019"
    "923f82a4af194f9bab1c5ed5da6d8118d807aa98a303024212835b0145706fbe243185be4ee4b28c550c7dc3d5ffb4e2"
    "72be5d74f27b896f80deb1fe3b1696b19bdc06a725c71235c19bf174cf692694e49b69c19ef14ad2efbe4786384f25e3"
    "0fc19dc68b8cd5b5240ca1cc77ac9c652de92c6f592b02754a7484aa6ea6e4835cb0a9dcbd41fbd476f988da831153b5"
    "983e5152ee66dfaba831c66d2db43210b00327c898fb213fbf597fc7beef0ee4c6e00bf33da88fc2d5a79147930aa725"
    "06ca6351e003826f142929670a0e6e7027b70a8546d22ffc2e1b21385c26c9264d2c6dfc5ac42aed53380d139d95b3df"
    "650a73548baf63de766a0abb3c77b2a881c2c92e47edaee692722c851482353ba2bfe8a14cf10364a81a664bbc423001"
    "c24b8b70d0f89791c76c51a30654be30d192e819d6ef5218d69906245565a910f40e35855771202a106aa07032bbd1b8"
    "19a4c116b8d2d0c81e376c085141ab532748774cdf8eeb9934b0bcb5e19b48a8391c0cb3c5c95a634ed8aa4ae3418acb"
    "5b9cca4f7763e373682e6ff3d6b2b8a3748f82ee5defb2fc78a5636f43172f6084c87814a1f0ab728cc702081a6439ec"
    "90befffa23631e28a4506cebde82bde9bef9a3f7b2c67915c67178f2e372532bca273eceea26619cd186b8c721c0c207"
    "eada7dd6cde0eb1ef57d4f7fee6ed17806f067aa72176fba0a637dc5a2c898a6113f9804bef90dae1b710b35131c471b"
    "28db77f523047d8432caab7b40c724933c9ebe0a15c9bebc431d67c49c100d4c4cc5d4becb3e42b6597f299cfc657e2a"
    "5fcb6fab3ad6faec6c44198c4a475817"
)


def sha512(message: bytes) -> bytes:
    """The 64 bytes of the digest."""
    padding = b"\x80" + bytes((-len(message) - 17) % BLOCK_SIZE)
    padded = message + padding + struct.pack(">QQ", 0, 8 * len(message))
    state = struct.unpack(">8Q", _START)
    for at in range(0, len(padded), BLOCK_SIZE):
        state = _compress(state, padded, at)
    return struct.pack(">8Q", *state)


def _compress(state: tuple[int, ...], data: bytes, at: int) -> tuple[int, ...]:
    schedule = list(struct.unpack_from(">16Q", data, at))
    a, b, c, d, e, f, g, h = state
    for i in range(80):
        slot = i & 15
        if i >= 16:
            x, y = schedule[i + 1 & 15], schedule[i + 14 & 15]
            low = (x >> 1 | x << 63) ^ (x >> 8 | x << 56) ^ x >> 7
            high = (y >> 19 | y << 45) ^ (y >> 61 | y << 3) ^ y >> 6
            schedule[slot] = schedule[slot] + (low & _MASK) + schedule[i + 9 & 15] + (high & _MASK) & _MASK
        (constant,) = struct.unpack_from(">Q", _K, 8 * i)
        rotated = (e >> 14 | e << 50) ^ (e >> 18 | e << 46) ^ (e >> 41 | e << 23)
        first = h + (rotated & _MASK) + (g ^ e & (f ^ g)) + constant + schedule[slot]
        rotated = (a >> 28 | a << 36) ^ (a >> 34 | a << 30) ^ (a >> 39 | a << 25)
        second = (rotated & _MASK) + (a & b | c & (a | b))
        h, g, f, e = g, f, e, d + first & _MASK
        d, c, b, a = c, b, a, first + second & _MASK
    return tuple([old + new & _MASK for old, new in zip(state, (a, b, c, d, e, f, g, h))])
