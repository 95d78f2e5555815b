"""Ed25519 signatures, verified only: a node knows public keys and signs nothing.

Never meant to hide anything: its time depends on what it is given, and all of that is public.
Specification: RFC 8032, sections 5.1.3, 5.1.4 and 5.1.7 (the equation without the cofactor).

Points are (X, Y, Z, T) with x = X/Z, y = Y/Z, xy = T/Z (Hisil, Wong, Carter and Dawson, 2008). S·B and k·(-A) are
added up together, two bits of each at a time.
"""

from protocols.wire.sha512 import sha512

PUBLIC_SIZE = 32
SIGNATURE_SIZE = 64
_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = 0x52036CEE2B6FFE738CC740797779E89800700A4D4141D8AB75EB4DCA135978A3
_ROOT_OF_MINUS_1 = 0x2B8324804FC1DF0B2B4D00993DFBD7A72F431806AD2FE478C4EE1B274A0EA0B0
_BASE_X = 0x216936D3CD6E53FEC0A4E231FDD6DC5C692CC7609525A7B2C9562D608F25D51A
_BASE_Y = 0x6666666666666666666666666666666666666666666666666666666666666658


def verify(public: bytes, message: bytes, signature: bytes):
    """Steps of at most some 0.12 s on a microcontroller; the last thing that they yield is whether it is authentic."""
    yield False
    s = int.from_bytes(signature[32:], "little")
    a = _decompress(public)
    if len(public) != PUBLIC_SIZE or len(signature) != SIGNATURE_SIZE or s >= _L or a is None:
        return
    yield False
    k = int.from_bytes(sha512(signature[:32] + public + message), "little") % _L
    yield False
    base = _BASE_X, _BASE_Y, 1, _BASE_X * _BASE_Y % _P
    minus_a = (_P - a[0], a[1], 1, _P - a[3])
    sums = [(0, 1, 1, 0), base]  # sums[4 * j + i] = i·B - j·A
    for i in range(2, 16):
        sums.append(_add(sums[i - 4], minus_a) if i > 3 else _add(sums[i - 1], base))
        yield False
    point = sums[0]
    for bit in range(252, -2, -2):
        point = _double(_double(point))
        chosen = (k >> bit & 3) << 2 | s >> bit & 3
        if chosen:
            point = _add(point, sums[chosen])
        yield False
    inverse = pow(point[2], _P - 2, _P)
    x, y = point[0] * inverse % _P, point[1] * inverse % _P
    yield (y | (x & 1) << 255).to_bytes(32, "little") == signature[:32]


def _add(p: tuple[int, int, int, int], q: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    a = (p[1] - p[0]) * (q[1] - q[0]) % _P
    b = (p[1] + p[0]) * (q[1] + q[0]) % _P
    c = 2 * p[3] * q[3] * _D % _P
    d = 2 * p[2] * q[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _double(p: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    x, y, z, _ = p
    a, b = x * x % _P, y * y % _P
    h = a + b
    s = x + y
    e, g = h - s * s % _P, a - b
    f = 2 * z * z % _P + g
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _decompress(data: bytes) -> tuple[int, int, int, int] | None:
    """The point of 32 bytes, None when they are none."""
    number = int.from_bytes(data, "little")
    y, sign = number & 2**255 - 1, number >> 255
    if y >= _P:
        return None
    u, v = y * y - 1, _D * y * y + 1
    x = u * v**3 * pow(u * v**7 % _P, (_P - 5) // 8, _P) % _P
    if (v * x * x - u) % _P:
        x = x * _ROOT_OF_MINUS_1 % _P
    if (v * x * x - u) % _P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = _P - x
    return x, y, 1, x * y % _P
