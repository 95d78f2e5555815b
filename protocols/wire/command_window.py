"""Which commands a node has taken: ids only grow, so a few remembered ones tell new, repeated and late apart (G6).

Never knows what a command asks, nor where its marks are kept: firmware/journal.py keeps them on flash.
Specification: protocols/WIRE.md, "Commands".
"""

WINDOW = 32

NEW = 0
REPEATED = 1  # taken before, or so old that nobody can know: counted, without another result
LATE = 2  # never taken, but a newer one was: what it asks is no longer wanted


class CommandWindow:
    """`taken` holds the newest ids in the order they came, `unfinished` those of them without a result."""

    def __init__(self) -> None:
        self.taken: list[int] = []
        self.unfinished: list[int] = []

    def verdict(self, command_id: int) -> int:
        """NEW, REPEATED or LATE."""
        if not self.taken or command_id > max(self.taken):
            return NEW
        return REPEATED if command_id in self.taken or command_id < min(self.taken) else LATE

    def take(self, command_id: int, finished: bool = False) -> None:
        """It was taken, or its mark was found on flash: `finished` when it has its result already."""
        if command_id not in self.taken:
            self.taken.append(command_id)
            self.unfinished.append(command_id)
        if finished:
            self.finish(command_id)
        if len(self.taken) > WINDOW:
            oldest = min(self.taken)
            self.taken.remove(oldest)
            self.finish(oldest)

    def finish(self, command_id: int) -> None:
        """It has its result."""
        if command_id in self.unfinished:
            self.unfinished.remove(command_id)

    def heads(self) -> list[tuple[int, bool]]:
        """(id, finished): what a new sector has to begin with, so that it alone tells enough after a restart."""
        heads = [(command_id, False) for command_id in self.unfinished]
        if self.taken and max(self.taken) not in self.unfinished:
            heads.append((max(self.taken), True))
        return heads
