"""What is wrong with a feed: by file and line, as one list.

Must never know: what the rows mean; it only collects.
Specification: ours; a feed is taken whole or not at all, so its editor gets every error at once.
"""

from dataclasses import dataclass

MAX_LISTED = 100


@dataclass(frozen=True, slots=True)
class FeedError:
    """One mistake. `line` counts from 1 (the header); 0 stands for the file as a whole."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.message}"


class FeedErrors(Exception):
    """The peer's mistake: the feed is broken. `errors` lists the first MAX_LISTED, `total` counts all."""

    def __init__(self, errors: list[FeedError], total: int | None = None) -> None:
        super().__init__(errors, total)
        self.errors = tuple(errors)
        self.total = len(errors) if total is None else total

    def __str__(self) -> str:
        lines = [str(error) for error in self.errors]
        if self.total > len(lines):
            lines.append(f"and {self.total - len(lines)} more")
        return "\n".join(lines)


class ErrorLog:
    """Collects errors while the feed is read; a feed of a million bad rows costs no more than a hundred."""

    def __init__(self) -> None:
        self._errors: list[FeedError] = []
        self._total = 0

    def add(self, file: str, line: int, message: str) -> None:
        self._total += 1
        if len(self._errors) < MAX_LISTED:
            self._errors.append(FeedError(file, line, message))

    def raise_if_any(self) -> None:
        if self._total:
            raise FeedErrors(self._errors, self._total)
