"""The rules of the alarms as data: how grave, how long before it opens and ends, what explains it, what proves its end.

Never looks at a town. Specification: controller/alarm_rules.toml; a town's own file changes single keys of it.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from controller.config import ConfigError
from protocols.wire.messages.index import KINDS

FILE = Path(__file__).parents[1] / "alarm_rules.toml"
SEVERITIES = ("bad", "warn")
PROOFS = {name for _, name in KINDS} | {"record", "ledger", "measure", "statement", "commissioning"}


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of alarm. Times are seconds; the unit of the limits stands in alarm_rules.toml."""

    kind: str
    severity: str
    harm: int
    open_s: int
    close_s: int
    proof: tuple[str, ...]
    explained_by: tuple[str, ...] = ()
    settle_s: int = 0
    news_s: int = 0
    limit: int = 0
    clear_limit: int = 0


Rules = Mapping[str, Rule]


def load_rules(own: str = "") -> Rules:
    """The rules by kind; `own` is the path of a town's file. Raises ConfigError."""
    tables: dict[str, dict[str, Any]] = tomllib.loads(FILE.read_text(encoding="utf-8"))
    for kind, change in (_read(own) if own else {}).items():
        if kind not in tables or not isinstance(change, dict):
            raise ConfigError(f"alarms.rules has [{kind}]: write one of {', '.join(tables)}.")
        tables[kind] |= change
    rules = {kind: _rule(kind, table) for kind, table in tables.items()}
    for rule in rules.values():
        _check(rule, rules)
    return rules


def _read(own: str) -> dict[str, Any]:
    try:
        return tomllib.loads(Path(own).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise ConfigError(f"alarms.rules {own} cannot be read ({reason}): correct the path.") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"alarms.rules {own} is not TOML ({error}): correct that line.") from None


def _rule(kind: str, table: Mapping[str, Any]) -> Rule:
    types = {field.name: field.type for field in fields(Rule) if field.name != "kind"}
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in types:
            raise ConfigError(f"alarms.rules {kind}.{key} is unknown: use one of {', '.join(types)}.")
        if types[key] in (int, str):
            fits = type(value) is types[key]
        else:
            fits = _are_texts(value)
        if not fits:
            raise ConfigError(f"alarms.rules {kind}.{key} cannot be {value!r}: see alarm_rules.toml for its kind.")
        values[key] = tuple(value) if isinstance(value, list) else value
    return Rule(kind, **values)


def _check(rule: Rule, rules: Rules) -> None:
    if rule.severity not in SEVERITIES:
        raise ConfigError(f"alarms.rules {rule.kind}.severity must be {' or '.join(SEVERITIES)}.")
    if strangers := [kind for kind in rule.explained_by if kind not in rules]:
        raise ConfigError(f"alarms.rules {rule.kind}.explained_by names no kind of alarm: {', '.join(strangers)}.")
    if strangers := [name for name in rule.proof if name not in PROOFS]:
        raise ConfigError(f"alarms.rules {rule.kind}.proof names nothing that proves: {', '.join(strangers)}.")


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)
