"""A CSV file of meters or of readings as a spreadsheet writes it: separators, decimal comma, encoding; line by line.

Never judges an entry: buildings.py does. A file without a mistake here is entries and the lines they stand in.
Specification: RFC 4180; the columns are the fields of buildings.MeterEntry and buildings.ReadingEntry; tools/README.md.
"""

import csv
import io
from dataclasses import MISSING, Field, dataclass, fields
from typing import Any

from controller.services.buildings import Entry, MeterEntry, ReadingEntry

SEPARATORS = ";,\t"
YES = ("1", "true", "yes", "так")
NO = ("", "0", "false", "no", "ні")


@dataclass(frozen=True, slots=True)
class LineProblem:
    """What is wrong with a line; 1 is the first."""

    line: int
    message: str


class FileRefused(Exception):
    """No file of entries; `problems` say where."""

    def __init__(self, problems: list[LineProblem]) -> None:
        super().__init__(problems[0].message)
        self.problems = problems


def read(data: bytes) -> list[tuple[int, Entry]]:
    """(line, entry) of every row. Raises FileRefused."""
    text = _text(data)
    head = text.split("\n", 1)[0]
    separator = max(SEPARATORS, key=head.count)
    table = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    found: list[tuple[int, Entry]] = []
    problems: list[LineProblem] = []
    try:
        names = [name.strip().lower() for name in next(table, [])]
        kind: type[Entry] = ReadingEntry if "time" in names else MeterEntry
        known = {one.name: one for one in fields(kind)}
        _check_head(names, known)
        for row in table:
            if not any(cell.strip() for cell in row):
                continue
            try:
                found.append((table.line_num, kind(**_values(names, row, known))))
            except ValueError as error:
                problems.append(LineProblem(table.line_num, str(error)))
    except csv.Error as error:
        problems.append(LineProblem(table.line_num, f"the line is no CSV ({error}): save the sheet as CSV again"))
    if not found and not problems:
        problems.append(LineProblem(1, "there is no line below the names of the columns: write some"))
    if problems:
        raise FileRefused(problems)
    return found


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1251", "replace")  # what spreadsheets here write unless they are asked


def _check_head(names: list[str], known: dict[str, Field[Any]]) -> None:
    wrong = [name for name in names if name not in known]
    missing = [name for name, one in known.items() if one.default is MISSING and name not in names]
    if wrong or missing:
        what = f"there is no column {wrong[0]!r}" if wrong else f"the column {missing[0]!r} is missing"
        raise FileRefused([LineProblem(1, f"{what}: the first line names columns, of {', '.join(known)}")])
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise FileRefused([LineProblem(1, f"the column {twice[0]!r} is there twice: leave one out")])


def _values(names: list[str], row: list[str], known: dict[str, Field[Any]]) -> dict[str, Any]:
    """Raises ValueError with a sentence."""
    if len(row) > len(names):
        raise ValueError(f"{len(row)} cells stand below {len(names)} columns: put text with separators into quotes")
    cells = {name: cell.strip() for name, cell in zip(names, row, strict=False)}
    return {name: _value(known[name], cells.get(name, "")) for name in names if cells.get(name) or _needed(known[name])}


def _needed(field: Field[Any]) -> bool:
    return field.default is MISSING


def _value(field: Field[Any], text: str) -> Any:
    if field.type is str:
        return text
    if field.type is bool:
        if text.lower() not in YES + NO:
            raise ValueError(f"{field.name} has to be yes or no, not {text!r}")
        return text.lower() in YES
    if not text:
        return None
    plain = text.replace("\u00a0", "").replace("\u202f", "").replace(" ", "").replace(",", ".")
    try:
        return int(plain) if field.name == "digits" else float(plain)
    except ValueError:
        raise ValueError(f"{field.name} has to be a number, not {text!r}") from None
