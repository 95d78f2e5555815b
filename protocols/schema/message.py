"""What a message is: a name, a kind byte, a version and a construct body.

Never imported on a device: devices load the codecs that `protocols.generate` writes from these objects.
Specification: protocols/README.md, "Versioning".
"""

from dataclasses import dataclass
from typing import Literal

from construct import Struct


@dataclass(frozen=True, slots=True)
class Message:
    """One message body.

    `direction` is "up" for a journalled record (kind 1-127) and "down" for a command (kind 128-253).
    `row` messages have no kind: they are the fixed-size rows inside another message's tail.
    """

    name: str
    kind: int
    version: int
    direction: Literal["up", "down", "row"]
    body: Struct
    doc: str
