"""The field types of a feed: text -> value, or a ValueError that says what was expected.

Must never know: files, rows, columns.
Specification: https://gtfs.org/documentation/schedule/reference/#field-types
"""

import math
import re
from collections.abc import Callable
from datetime import date

# A service day's times may exceed 24:00:00; a week is more than any trip of a town or a railway needs.
MAX_TIME_S = 7 * 24 * 3600

_TIME = re.compile(r"(\d{1,3}):([0-5]\d):([0-5]\d)", re.ASCII)
_DATE = re.compile(r"(\d{4})(\d\d)(\d\d)", re.ASCII)
_COLOUR = re.compile(r"[0-9a-fA-F]{6}")


def time_s(text: str) -> int:
    """'5:52:00' and '29:21:00' -> seconds since noon minus 12 h of the service day."""
    found = _TIME.fullmatch(text)
    seconds = int(found[1]) * 3600 + int(found[2]) * 60 + int(found[3]) if found else MAX_TIME_S + 1
    if seconds > MAX_TIME_S:
        raise ValueError(f"{text!r} is not a time H:MM:SS")
    return seconds


def time_text(seconds: int) -> str:
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def day(text: str) -> date:
    found = _DATE.fullmatch(text)
    try:
        if found:
            return date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        pass
    raise ValueError(f"{text!r} is not a date YYYYMMDD")


def whole(text: str) -> int:
    """A non-negative integer that fits 31 bits. int() itself would take '1_0' and Arabic digits too."""
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise ValueError(f"{text!r} is not a non-negative integer")
    return int(text)


def one_of(*allowed: int) -> Callable[[str], int]:
    def choice(text: str) -> int:
        value = whole(text)
        if value not in allowed:
            raise ValueError(f"{value} is not one of {', '.join(map(str, allowed))}")
        return value

    return choice


def latitude(text: str) -> float:
    return _degrees(text, 90)


def longitude(text: str) -> float:
    return _degrees(text, 180)


def colour(text: str) -> str:
    """'RRGGBB' or empty. A bad colour is no reason to refuse a timetable."""
    return text.upper() if _COLOUR.fullmatch(text) else ""


def _degrees(text: str, limit: int) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not abs(value) <= limit:  # nan compares false
        raise ValueError(f"{text!r} is not a number of degrees from -{limit} to {limit}")
    return value
