"""One text file of a feed as rows: CSV with a header, every row with its line number.

Must never know: which columns mean what.
Specification: GTFS "File requirements", widened by what real feeds hold (README.md, "Accepted").
"""

import csv
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from typing import TypeVar

from protocols.gtfs.errors import ErrorLog

_BOM = b"\xef\xbb\xbf"

Record = TypeVar("Record")


class Row:
    """One row by column name. Absent columns and fields read as empty; complaints are ValueErrors."""

    __slots__ = ("_columns", "_values", "line")

    def __init__(self, line: int, columns: dict[str, int], values: list[str]) -> None:
        self.line = line
        self._columns = columns
        self._values = values

    def text(self, column: str) -> str:
        place = self._columns.get(column)
        return "" if place is None else self._values[place].strip()

    def required(self, column: str) -> str:
        value = self.text(column)
        if not value:
            raise ValueError(f"{column} is empty")
        return value

    def parsed(self, column: str, parse: Callable[[str], Record]) -> Record:
        """A required value; the complaint names the column."""
        value = self.required(column)
        try:
            return parse(value)
        except ValueError as problem:
            raise ValueError(f"{column}: {problem}") from None

    def optional(self, column: str, parse: Callable[[str], Record], default: Record) -> Record:
        return self.parsed(column, parse) if self.text(column) else default


class Table:
    """A file's header and rows. Every complaint goes to the log; a bad row is left out."""

    def __init__(self, file: str, data: bytes, log: ErrorLog) -> None:
        self.file = file
        self._log = log
        self._reader = csv.reader(self._lines(data), skipinitialspace=True, strict=True)
        self.columns = self._header()

    def complain(self, line: int, message: str) -> None:
        self._log.add(self.file, line, message)

    def has(self, columns: Sequence[str]) -> bool:
        """Whether the header holds all of `columns`; complains of those that it lacks."""
        missing = [column for column in columns if column not in self.columns]
        if missing:
            self.complain(1, f"column missing: {', '.join(missing)}")
        return not missing

    def values(self) -> Iterator[tuple[int, list[str]]]:
        """(line, fields as they stand, as many as the header has)."""
        width = len(self.columns)
        for line, values in self._records():
            if len(values) != width:
                if any(field.strip() for field in values[width:]):
                    self.complain(line, f"{len(values)} fields, but the header has {width}")
                    continue
                values = (values + [""] * width)[:width]
            yield line, values

    def rows(self) -> Iterator[Row]:
        for line, values in self.values():
            yield Row(line, self.columns, values)

    def each(self, build: Callable[[Row], None]) -> None:
        """Calls `build` on every row; its ValueError becomes a complaint about that row."""
        for row in self.rows():
            try:
                build(row)
            except ValueError as problem:
                self.complain(row.line, str(problem))

    def keyed(self, key: str, build: Callable[[Row, str], Record]) -> tuple[dict[str, Record], dict[str, int]]:
        """Records by their key, and every key's line: also of rows that were refused.

        The second answers "is this reference dangling?" without a second complaint about one mistake.
        """
        records: dict[str, Record] = {}
        lines: dict[str, int] = {}

        def one(row: Row) -> None:
            name = row.required(key)
            if name in lines:
                raise ValueError(f"{key} {name!r} stands on line {lines[name]} already")
            lines[name] = row.line
            records[name] = build(row, name)

        self.each(one)
        return records, lines

    def _header(self) -> dict[str, int]:
        for line, names in self._records():
            columns: dict[str, int] = {}
            for place, name in enumerate(names):
                name = name.strip()
                if name in columns:
                    self.complain(line, f"column {name} twice")
                    name = ""
                # A nameless column (trailing comma) keeps its place, so that the width is right.
                columns[name or f" {place}"] = place
            return columns
        return {}

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        while True:
            line = self._reader.line_num + 1
            try:
                values = next(self._reader)
            except StopIteration:
                return
            except csv.Error as problem:
                self.complain(line, f"not CSV: {problem}")
                continue
            if any(values) and any(field.strip() for field in values):
                yield line, values

    def _lines(self, data: bytes) -> Iterator[str]:
        data = data.removeprefix(_BOM)
        if b"\n" not in data:
            data = data.replace(b"\r", b"\n")
        # Decoded line by line: the largest file is never in memory a second time as text.
        for number, line in enumerate(BytesIO(data), start=1):
            try:
                yield line.decode()
            except UnicodeDecodeError:
                self.complain(number, "not UTF-8")
                yield line.decode(errors="replace")
