"""Which requests read a group of points: neighbours together, gaps too where that costs the line less.

Never asks anything. Specification: Modbus over serial line V1.02: a second request costs 8 characters there, 5 around
the answer and twice t3.5, which is the time of ten registers; a template says less where a device refuses gaps.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from controller.devices.template import BIT_FUNCTIONS, Point, Template

MAX_BITS = 2000  # of one request, as the specification has it
BITS_A_WORD = 16


@dataclass(frozen=True, slots=True)
class Read:
    """One request, and the points that its answer holds."""

    function: int
    address: int
    count: int
    points: tuple[Point, ...]

    @property
    def pdu(self) -> bytes:
        """The request."""
        return struct.pack(">BHH", self.function, self.address, self.count)

    def values(self, answer: bytes) -> list[tuple[Point, float | None, int]]:
        """(point, value, quality) of an answer that fits the request."""
        data = answer[2:]
        found = []
        for point in self.points:
            at = point.address - self.address
            if self.function in BIT_FUNCTIONS:
                part = bytes((data[at // 8] >> at % 8 & 1,))
            else:
                part = data[2 * at : 2 * (at + point.size)]
            found.append((point, *point.value(part)))
        return found


def reads(template: Template, group: str) -> tuple[Read, ...]:
    """The requests of a group, in order of function and address."""
    points = sorted((p for p in template.points if p.group == group), key=lambda p: (p.function, p.address))
    planned: list[Read] = []
    taken: list[Point] = []
    for point in points:
        if taken and not _fit(template, [*taken, point]):
            planned.append(_read(taken))
            taken = []
        taken.append(point)
    return (*planned, _read(taken)) if taken else ()


def _fit(template: Template, points: Sequence[Point]) -> bool:
    *before, last = points
    if before[0].function != last.function:
        return False
    is_bits = last.function in BIT_FUNCTIONS
    gap = last.address - max(point.address + point.size for point in before)
    most = MAX_BITS if is_bits else template.max_words
    allowed_gap = template.max_gap_words * (BITS_A_WORD if is_bits else 1)
    return gap <= allowed_gap and _read(points).count <= most


def _read(points: Sequence[Point]) -> Read:
    first = points[0].address
    return Read(points[0].function, first, max(p.address + p.size for p in points) - first, tuple(points))
