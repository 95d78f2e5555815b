"""What can be read of a device of somebody else's: its points, how they lie in registers, how often they are asked.

Never asks anything. A mistake in a template is told by file and key.
Specification: README.md beside this file explains every key; Modbus Application Protocol V1.1b3 for the functions.
"""

import math
import struct
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "templates"
ADDRESSES = 1 << 16
FUNCTIONS = {"coil": 0x01, "discrete": 0x02, "holding": 0x03, "input": 0x04}
BIT_FUNCTIONS = (0x01, 0x02)
# type: (struct code, registers); a bit is one coil or input, or one bit of a register
TYPES = {
    "u16": ("H", 1), "i16": ("h", 1), "u32": ("I", 2), "i32": ("i", 2), "u64": ("Q", 4), "i64": ("q", 4),
    "f32": ("f", 2), "f64": ("d", 4), "bit": ("H", 1),
}  # fmt: skip
ROLES = ("value", "state", "alarm")
WORD_ORDERS = ("high_first", "low_first")

# Quality of a sample.
GOOD, INVALID, REFUSED, SILENT = range(4)
QUALITIES = ("good", "invalid", "refused", "silent")


class TemplateError(Exception):
    """A template cannot be used; the text is one sentence that names file and key."""


@dataclass(frozen=True, slots=True)
class Point:
    """One value. `invalid`: the raw value that stands for "none"; `alarm`: the value that is one."""

    name: str
    address: int
    function: int
    type: str
    group: str
    unit: str = ""
    scale: float = 1.0
    role: str = "value"
    bit: int = 0
    word_order: str = "high_first"
    invalid: float | None = None
    alarm: float = 1.0

    @property
    def size(self) -> int:
        """How many registers, coils or inputs it takes."""
        return TYPES[self.type][1]

    def value(self, data: bytes) -> tuple[float | None, int]:
        """(value in its unit, quality) of its registers, coils or inputs as they came, a coil as one byte."""
        code, words = TYPES[self.type]
        if self.function in BIT_FUNCTIONS:
            raw = float(data[0])
        else:
            if self.word_order == "low_first":
                data = b"".join(data[at : at + 2] for at in range(2 * (words - 1), -1, -2))
            (raw,) = struct.unpack(">" + code, data)
            if self.type == "bit":
                raw = float(raw >> self.bit & 1)
        value = raw * self.scale
        if raw == self.invalid or not math.isfinite(value):
            return None, INVALID
        return value, GOOD


@dataclass(frozen=True, slots=True)
class Template:
    """A kind of device. `groups`: name -> how often it is asked, in seconds."""

    name: str
    source: str
    max_words: int
    max_gap_words: int
    groups: dict[str, float]
    points: tuple[Point, ...]


# key: (type, default); a default of None: the key has to be there
_TOP: dict[str, tuple[type, Any]] = {
    "name": (str, None),
    "source": (str, None),
    "word_order": (str, "high_first"),
    "max_words": (int, 125),
    "max_gap_words": (int, 10),
    "group": (dict, None),
    "point": (list, None),
}
_GROUP: dict[str, tuple[type, Any]] = {"interval_s": (float, None)}
_POINT: dict[str, tuple[type, Any]] = {
    "name": (str, None),
    "address": (int, None),
    "table": (str, "holding"),
    "type": (str, None),
    "group": (str, None),
    "unit": (str, ""),
    "scale": (float, 1.0),
    "role": (str, "value"),
    "bit": (int, 0),
    "word_order": (str, ""),
    "invalid": (float, math.inf),  # no register holds it
    "alarm": (float, 1.0),
}
_WORDS = {str: "text", int: "a whole number", float: "a number", dict: "a section", list: "a list of sections"}


def load(name: str) -> Template:
    """A template of ours by its name, or the file whose path ends in .toml. Raises TemplateError."""
    path = Path(name) if name.endswith(".toml") else FOLDER / f"{name}.toml"
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        ours = ", ".join(sorted(file.stem for file in FOLDER.glob("*.toml")))
        raise TemplateError(
            f"There is no template {name!r}: use one of {ours}, or a path that ends in .toml."
        ) from None
    return parse(text, path.name)


def parse(text: str, file: str) -> Template:
    """Read a template. Raises TemplateError."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise TemplateError(f"{file} is not TOML ({error}): correct that line.") from None
    top = _keys(file, "", document, _TOP)
    groups = {name: _keys(file, f"group.{name}.", table, _GROUP)["interval_s"] for name, table in top["group"].items()}
    for name, interval_s in groups.items():
        _check(interval_s > 0, file, f"group.{name}.interval_s", "above 0")
    _check(1 <= top["max_words"] <= 125, file, "max_words", "from 1 to 125")
    _check(0 <= top["max_gap_words"] <= 125, file, "max_gap_words", "from 0 to 125")
    _one_of(file, "word_order", top["word_order"], WORD_ORDERS)
    points = tuple(
        _point(file, f"point[{number}].", table, top["word_order"], groups) for number, table in enumerate(top["point"])
    )
    names = [point.name for point in points]
    for name in names:
        _check(names.count(name) == 1, file, f"point {name!r}", "there once")
    _check(bool(points), file, "point", "there at least once")
    return Template(top["name"], top["source"], top["max_words"], top["max_gap_words"], groups, points)


def _point(file: str, where: str, table: object, word_order: str, groups: dict[str, float]) -> Point:
    found = _keys(file, where, table, _POINT)
    where = f"point {found['name']!r}: "
    for key, allowed in (("table", FUNCTIONS), ("type", TYPES), ("group", groups), ("role", ROLES)):
        _one_of(file, where + key, found[key], allowed)
    found["word_order"] = found["word_order"] or word_order
    _one_of(file, where + "word_order", found["word_order"], WORD_ORDERS)
    found["function"] = FUNCTIONS[found.pop("table")]
    point = Point(**found)
    _check(0 <= point.address <= ADDRESSES - point.size, file, where + "address", "from 0 to 65535 with all it takes")
    _check(0 <= point.bit < 16, file, where + "bit", "from 0 to 15")
    if point.function in BIT_FUNCTIONS:
        _one_of(file, where + "type", point.type, ("bit",))
    return point


def _keys(file: str, where: str, table: object, known: dict[str, tuple[type, Any]]) -> dict[str, Any]:
    if not isinstance(table, dict):
        raise TemplateError(f"{file}: {where.rstrip('.')} must be a section: correct it.")
    for key in table:
        if key not in known:
            raise TemplateError(f"{file}: {where}{key} is unknown: remove it, or use one of {', '.join(known)}.")
    found = {}
    for key, (kind, default) in known.items():
        value = table.get(key, default)
        if value is None:
            raise TemplateError(f"{file}: {where}{key} is missing: write it.")
        if kind is float and type(value) is int:
            value = float(value)
        if type(value) is not kind:
            raise TemplateError(f"{file}: {where}{key} must be {_WORDS[kind]}, not {value!r}: correct it.")
        found[key] = value
    return found


def _one_of(file: str, where: str, value: str, allowed: Any) -> None:
    _check(value in allowed, file, where, f"one of {', '.join(allowed)}, not {value!r}")


def _check(is_right: bool, file: str, where: str, what: str) -> None:
    if not is_right:
        raise TemplateError(f"{file}: {where} must be {what}: correct it.")
