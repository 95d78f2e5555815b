"""Text in a fixed field: UTF-8, padded with zeros, cut between characters.

Never decides what to show: it only makes text fit.
Specification: RFC 3629 (UTF-8).
"""


def pad(text: str, size: int) -> bytes:
    """`text` as exactly `size` bytes; what does not fit is cut at a character, never inside one."""
    data = text.encode()
    if len(data) > size:
        end = size
        while end and data[end] & 0xC0 == 0x80:  # a continuation byte: its character began before the cut
            end -= 1
        data = data[:end]
    return data + bytes(size - len(data))


def unpad(data: bytes) -> str:
    """The text of a padded field; bytes that are no UTF-8 become "?"."""
    data = bytes(data)
    end = data.find(b"\0")
    if end >= 0:
        data = data[:end]
    try:
        return data.decode()
    except UnicodeError:
        return "".join(chr(b) if b < 128 else "?" for b in data)
