"""The order of a list: by the column that a reader chose, names as people count.

Never knows what is listed. A choice is a column's name, "-" before it: downwards.
Specification: controller/web/README.md, "Pages".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, TypeVar

Item = TypeVar("Item")
Orders = Mapping[str, Callable[[Item], Any]]


@lru_cache(maxsize=8192)
def natural(name: str) -> tuple[tuple[bool, int, str], ...]:
    """An order in which 9 comes before 10, inside names too."""
    return tuple((not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in re.split(r"(\d+)", name))


def sorting(chosen: str, orders: Orders[Item], usual: str) -> tuple[str, bool]:
    """Column and whether downwards; the usual one where nothing is chosen that there is."""
    name = chosen.removeprefix("-")
    return (name, chosen != name) if name in orders else (usual, False)


def in_order(items: Iterable[Item], chosen: str, orders: Orders[Item], usual: str) -> list[Item]:
    """The items in that order."""
    name, downwards = sorting(chosen, orders, usual)
    return sorted(items, key=orders[name], reverse=downwards)
