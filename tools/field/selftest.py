"""The self-test on a person's screen: each check of the board green or red, a red one with its likely cause.

Never judges what a person has to see or move: it asks, and where nobody is asked, it says that nobody looked.
Specification: firmware/selftest/run.py; README.md beside this file, "What a red step means".
"""

import importlib
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.console import Console
from rich.markup import escape

from tools.errors import DONE, NO
from tools.field.board import Board, facts, stopped
from tools.field.line_test import questions_on
from tools.texts import catalogue, say

GREEN, RED, UNSEEN = "green", "red", "unseen"
MARKS = {GREEN: "[green]✓[/]", RED: "[bold red]✗[/]", UNSEEN: "[yellow]?[/]"}
COLOURS = ("red", "green", "blue")
MOVE_S = 15
CHECK_S = 180.0  # a bus full of meters, all of them silent
# check -> the role whose wires it is about, where the role has another name
ROLES = {
    "reader": "reader_bus",
    "gnss": "gnss_uart",
    "climate": "sensor_bus",
    "converters": "sensor_bus",
    "particles": "particles_uart",
    "wind": "wind_pulses",
    "meters": "meter_bus",
    "panel": "panel_bus",
}
SHOWN = ("beeper", "panel")  # done once; a person says whether it was seen
MOVED = ("cash_button", "cover", "door", "maintenance_switch", "wind")
LIST = """
import json
from firmware.selftest import run
from firmware.boot import board
known = run.provided_settings(board("hal"))
checks = [name for name, _ in run.CHECKS[known.kind]]
way = known.uplink
line = [way["baud"], way["parity"]] if "baud" in way else []
print(json.dumps({"checks": checks, "kind": known.kind, "line": line}))
"""

Ask = Callable[[str], bool]  # a question for a person; yes or no


@dataclass(frozen=True, slots=True)
class Check:
    """What became of one check. `cause` is a key of the catalogue, "" for none."""

    name: str
    state: str
    cause: str = ""
    facts: dict[str, Any] = field(default_factory=dict)

    def text(self, language: str) -> str:
        """The likely cause in words, "" for none."""
        key = f"selftest_cause_{self.cause}"
        return say(language, key, **self.facts) if key in catalogue(language) else self.cause


def checks(board: Board, name: str, line: str, ask: Ask | None, language: str) -> Iterator[Check]:
    """Every check of the node at a prompt, one after the other; `name` is the board's, `line` an adapter's port."""
    told = board.ask(LIST)
    for check in told["checks"]:
        if check == "light":
            found = _light(board, ask, language)
        elif check == "uplink" and line and told["line"]:
            with questions_on(line, *told["line"]) as heard:
                found = _ask_board(board, check, {"line": True})
                if found["good"] and not heard():
                    found = {"good": False, "cause": "line_deaf", "facts": {}}
        else:
            is_moved = check in MOVED and ask and ask(say(language, f"selftest_move_{check}", seconds=MOVE_S))
            found = _ask_board(board, check, {"wait_s": MOVE_S} if is_moved else {})
            if check in SHOWN and found["good"] is None and ask:
                good = ask(say(language, f"selftest_see_{check}"))
                found = {"good": good, "cause": "" if good else "unseen_by_person", "facts": {}}
        role = found["facts"].pop("role", ROLES.get(check, check))
        yield _check(check, found, {"wires": _wires(name, told["kind"], role)})


def run(port: str, line: str, ask: Ask | None, *, as_json: bool, language: str) -> int:
    """Test the board at a port; status 1 when a check is red. Raises UsageError."""
    done = []
    with stopped(port) as board:
        name = board.identify().board
        for check in checks(board, name, line, ask, language):
            done.append(check)
            if not as_json:
                show(check, language)
        board.reset()
    red = [check for check in done if check.state == RED]
    if as_json:
        rows = [asdict(check) | {"text": check.text("en")} for check in done]
        print(json.dumps({"green": not red, "checks": rows}, ensure_ascii=False))
    else:
        unseen = [check for check in done if check.state == UNSEEN]
        key = "selftest_red" if red else "selftest_green_unseen" if unseen else "selftest_green"
        print(say(language, key, count=len(red or unseen)))
    return NO if red else DONE


def show(check: Check, language: str, port: str = "") -> None:
    name = f"{port}  ".lstrip() + say(language, f"selftest_name_{check.name}")
    text = check.text(language)
    if check.state == UNSEEN and not text:
        text = say(language, "selftest_unmoved" if check.name in MOVED else "selftest_unseen")
    Console(highlight=False).print(f"{MARKS[check.state]} {escape(name)}  {escape(text)}".rstrip(), soft_wrap=True)


def _light(board: Board, ask: Ask | None, language: str) -> dict[str, Any]:
    found: dict[str, Any] = {"good": None, "cause": "", "facts": {}}
    for colour in COLOURS:
        found = _ask_board(board, "light", {"colour": colour})
        if found["good"] is None and ask:
            if not ask(say(language, f"selftest_see_{colour}")):
                found = {"good": False, "cause": "unseen_by_person", "facts": {}}
                break
            found["good"] = True
    _ask_board(board, "light", {"colour": "off"})
    return found


def _check(name: str, found: dict[str, Any], wires: dict[str, str]) -> Check:
    state = {True: GREEN, False: RED, None: UNSEEN}[found["good"]]
    told = dict(found["facts"])
    if "address" in told:
        told["address"] = f"{told['address']:#x}"
    return Check(name, state, found["cause"], told | wires)


def _ask_board(board: Board, name: str, given: dict[str, object]) -> dict[str, Any]:
    return dict(board.ask(f"from firmware.selftest.run import check\ncheck({name!r}, {given!r})", CHECK_S))


def _wires(board: str, kind: str, role: str) -> str:
    """The wires of a role, as a person finds them on the board's header."""
    pins = importlib.import_module(f"boards.{board}.pins")
    signals = pins.UPLINK if role == "uplink" else pins.KINDS[kind].get(role, {})
    header = facts(board).get("header", {})
    named = {signal: f"GP{pin}" for signal, pin in signals.items() if signal not in NO_PINS}
    return ", ".join(
        f"{signal.upper()} {gp}".removeprefix("PIN ") + (f" (pin {header[gp]})" if gp in header else "")
        for signal, gp in named.items()
    )


NO_PINS = {"uart", "i2c", "spi", "baud", "address"}
