"""The ledger on a person's screen: what every node journalled against what the controller holds of it.

Never counts: the controller does, and says whether it reconciles.
Specification: README.md, `vuzol ledger`; controller/README.md, "Ledger".
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tools.controller_api import Address, Refused, ask
from tools.errors import DONE, NO, UsageError
from tools.texts import say

NODE_LETTERS = 16
FIGURES = ("journalled", "receipted", "stored", "missing", "declared_gaps", "refused_duplicates", "imported")


@dataclass(frozen=True, slots=True)
class Question:
    """What the person typed; empty is all."""

    node: str
    first: str
    last: str


def run(question: Question, to: Address, *, as_json: bool, language: str) -> int:
    """Print the ledger; status 1 when it does not reconcile. Raises UsageError."""
    asked = {"node": question.node, "from": question.first, "to": question.last}
    parameters = {"verify": True} | {name: text for name, text in asked.items() if text}
    try:
        told = ask("GET", to, "/api/v1/ledger", parameters)
    except Refused as refused:
        raise UsageError(str(refused)) from None
    if as_json:
        print(json.dumps(told, ensure_ascii=False))
    else:
        _show(told, language)
    return DONE if told["reconciles"] else NO


def _show(told: dict[str, Any], language: str) -> None:
    console = Console(highlight=False)
    console.print(_table(told, language))
    for row in told["rows"]:
        for sentence in _remarks(row, language):
            console.print(sentence, soft_wrap=True, markup=False)
    verdict = "books_reconcile" if told["reconciles"] else "books_differ"
    console.print(say(language, verdict, nodes=len(told["rows"]), **told["totals"]), soft_wrap=True)


def _table(told: dict[str, Any], language: str) -> Table:
    many = len(told["rows"]) > 1
    table = Table(title=_title(told, language), box=SIMPLE_HEAD, padding=0, show_footer=many)
    table.add_column(say(language, "books_node"), footer=say(language, "books_total"), min_width=NODE_LETTERS)
    for name in FIGURES:
        footer = _figure(told["totals"], name)
        table.add_column(say(language, f"books_{name}"), justify="right", no_wrap=True, footer=footer)
    for row in told["rows"]:
        look = "" if row["reconciles"] else "bold red"
        table.add_row(f"{escape(row['name'])}\n{row['node']}", *(_figure(row, name) for name in FIGURES), style=look)
    return table


def _title(told: dict[str, Any], language: str) -> str:
    period = told["period"]
    if period is None:
        return say(language, "books_title")
    first, last = (period[bound] or "…" for bound in ("from", "to"))
    return say(language, "books_title_period", first=first, last=last, timezone=told["timezone"])


def _figure(row: dict[str, Any], name: str) -> str:
    return "" if row[name] is None else str(row[name])  # not every figure has a part in a period


def _reason(reason: str, language: str) -> str:
    try:
        return say(language, f"gap_{reason}")
    except KeyError:  # a newer controller knows more of them
        return reason


def _remarks(row: dict[str, Any], language: str) -> Iterator[str]:
    """Why numbers are lost, and which numbers of the node are why the ledger does not reconcile."""
    who = {"name": row["name"], "node": row["node"]}
    if row["gap_reasons"]:
        reasons = ", ".join(f"{_reason(reason, language)} {count}" for reason, count in row["gap_reasons"].items())
        yield say(language, "books_gaps", reasons=reasons, **who)
    if row["missing"]:
        numbers = _numbers([(first, last) for first, last in row["missing_ranges"]], row["missing"])
        yield say(language, "books_missing_numbers", numbers=numbers, **who)
    if row["conflicting"]:
        numbers = _numbers([(seq, seq) for seq in row["conflicts"]], len(row["conflicts"]))
        yield say(language, "books_conflicting_numbers", numbers=numbers, **who)
    if row["difference"]:
        yield say(language, "books_unexplained", difference=row["difference"], **who)


def _numbers(ranges: list[tuple[int, int]], count: int) -> str:
    told = ", ".join(str(first) if first == last else f"{first}–{last}" for first, last in ranges)
    return told if sum(last - first + 1 for first, last in ranges) >= count else f"{told}, …"
