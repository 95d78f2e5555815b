"""One cause, many victims: which facts are only what another one brings with it.

Never knows how a fact was found. Groups are made once: who hangs on which bus, uplink, vehicle or stop.
Specification: README.md here, "Alarms"; explained_by and settle_s in alarm_rules.toml.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from controller.services.alarms_life import Fact, Key
from controller.services.alarms_rules import Rules

SILENT = ("offline", "device_silent")  # what a victim looks like
FEWEST = 2  # alone it is no common cause
NETWORK_SHARE = 0.2  # of all nodes


@dataclass(frozen=True, slots=True)
class Group:
    """Nodes and devices (names) that one thing can take away together; `kind` is the alarm's."""

    kind: str
    subject: str
    name: str
    node_kind: str
    members: frozenset[str]


class Causes:
    """`groups` in the order in which they explain, the largest thing first; `nodes`: how many there are in all."""

    def __init__(self, rules: Rules, groups: Iterable[Group], nodes: int) -> None:
        self._rules = rules
        self._groups = tuple(groups)
        self._nodes = nodes
        self._held: dict[Key, tuple[float, set[str]]] = {}  # until when a cause explains, and whom

    def find(self, facts: dict[Key, Fact], buses: Iterable[Group], now_s: float) -> dict[Key, Fact]:
        """Put the causes among the facts; the keys of all facts that are explained, each with what explains it.

        `buses` are groups whose members only become known.
        """
        silent = {fact.node: fact for fact in facts.values() if fact.kind in SILENT}
        explained: dict[Key, Fact] = {}
        for group in (*buses, *self._groups):
            of_it = {
                member
                for member in group.members & silent.keys()
                if silent[member].key not in explained and group.kind in self._rules[silent[member].kind].explained_by
            }
            cause = self._cause(group, facts.get((group.kind, group.subject)), silent, of_it, now_s)
            if cause is not None:
                facts[cause.key] = cause
                explained |= {silent[member].key: cause for member in of_it}
        for fact in facts.values():
            for kind in self._rules[fact.kind].explained_by:
                if (kind, fact.node) in facts:
                    explained.setdefault(fact.key, facts[kind, fact.node])
        return explained

    def _cause(
        self, group: Group, fact: Fact | None, silent: Mapping[str, Fact], of_it: set[str], now_s: float
    ) -> Fact | None:
        """The fact, with its victims. When it is over, it explains those who are not back yet, for a while."""
        key = (group.kind, group.subject)
        rule = self._rules[group.kind]
        if fact is not None or self._is_common(group, silent, of_it):
            self._held[key] = now_s + rule.settle_s, of_it
        else:
            until_s, held = self._held.get(key, (0.0, set()))
            of_it &= held
            if now_s >= until_s or not of_it:
                self._held.pop(key, None)
                return None
        victims = tuple(sorted(silent[member].name for member in of_it))
        made = fact or Fact(group.kind, group.subject, name=group.name, node_kind=group.node_kind)
        return replace(made, amount=len(victims), victims=victims)

    def _is_common(self, group: Group, silent: Mapping[str, Fact], of_it: set[str]) -> bool:
        if group.kind == "broker":
            return False  # whether there is one is seen, never concluded
        if group.kind == "network":
            return len(of_it) >= max(self._rules["network"].limit, NETWORK_SHARE * self._nodes)
        return len(of_it) >= FEWEST and group.members <= silent.keys()
