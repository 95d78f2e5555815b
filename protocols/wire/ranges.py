"""A set of sequence numbers kept as ranges: what is stored, what is missing.

Never grows with the number of records, only with the number of holes.
Specification: protocols/README.md, "Receipt".
"""


class RangeSet:
    """Sorted, disjoint, non-adjacent ranges [first, last] of whole numbers."""

    def __init__(self, ranges: tuple[tuple[int, int], ...] | list[tuple[int, int]] = ()) -> None:
        self._ranges: list[list[int]] = []
        for first, last in ranges:
            self.add(first, last)

    def pairs(self) -> list[tuple[int, int]]:
        """The ranges as (first, last), lowest first."""
        return [(first, last) for first, last in self._ranges]

    def __contains__(self, number: int) -> bool:
        i = self._index(number)
        return i < len(self._ranges) and self._ranges[i][0] <= number

    def _index(self, number: int) -> int:
        """Index of the first range that ends at `number` or behind it."""
        low, high = 0, len(self._ranges)
        while low < high:
            middle = (low + high) // 2
            if self._ranges[middle][1] < number:
                low = middle + 1
            else:
                high = middle
        return low

    def add(self, first: int, last: int) -> None:
        """Add the numbers first..last (inclusive)."""
        start = self._index(first - 1)  # a range that ends just before `first` is joined
        end = start
        while end < len(self._ranges) and self._ranges[end][0] <= last + 1:
            first = min(first, self._ranges[end][0])
            last = max(last, self._ranges[end][1])
            end += 1
        self._ranges[start:end] = [[first, last]]

    def highest(self) -> int:
        """The highest number, 0 for the empty set."""
        return self._ranges[-1][1] if self._ranges else 0

    def count(self) -> int:
        """How many numbers are in the set."""
        return sum(last - first + 1 for first, last in self._ranges)

    def missing(self, up_to: int) -> list[tuple[int, int]]:
        """The ranges of 1..up_to that are not in the set."""
        holes = []
        expected = 1
        for first, last in self._ranges:
            if first > up_to:
                break
            if first > expected:
                holes.append((expected, first - 1))
            expected = last + 1
        if expected <= up_to:
            holes.append((expected, up_to))
        return holes
