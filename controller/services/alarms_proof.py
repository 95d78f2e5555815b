"""What shows that an alarm is over: a stored record with its CRC-32, a line of the ledger, what others vouch for.

Never decides that it is over. The calls read the database: they belong in a thread.
Specification: "proof" in alarm_rules.toml; README.md here, "Alarms".
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING
from zlib import crc32

from controller.services.alarms_life import Alarm, Proof
from controller.services.alarms_rules import Rules
from controller.services.ledger import Ledger
from controller.store import node_number
from controller.store.alarms import AlarmTable
from protocols.wire import record
from protocols.wire.errors import MalformedFrame
from protocols.wire.messages import shown_on_glass
from protocols.wire.messages.index import KINDS

if TYPE_CHECKING:
    from controller.services.commissioning import Commissioned

NAMES = dict(KINDS)
NUMBERS = {name: number for number, name in KINDS} | {"record": 0}  # 0: of any kind


class Proofs:
    """`elsewhere(node, since_s)` finds proofs that are no records of a node: of its commissioning."""

    def __init__(self, rules: Rules, table: AlarmTable, ledger: Ledger) -> None:
        self.elsewhere: Callable[[str, float], Sequence[Proof]] = lambda _node, _since_s: ()
        self._rules = rules
        self._table = table
        self._ledger = ledger

    def of(self, alarm: Alarm) -> Proof:
        """The best proof of what has ended by itself; where nothing is stored, that it was looked at."""
        assert alarm.proof is not None
        names = self._rules[alarm.kind].proof
        if alarm.node and names[0] == "ledger":
            row = self._ledger.row_of(bytes.fromhex(alarm.node))
            told = f"{row.issued} = {row.stored} + {row.missing} + {row.declared_gaps}"
            return replace(alarm.proof, what="ledger", node=alarm.node, text=told)
        return next(iter(self.records(alarm)), alarm.proof)

    def offered(self, alarm: Alarm, *, is_over: bool) -> list[Proof]:
        """What a person may close it with. While it still is so, a record shows nothing, unless none ever could."""
        found = list(self.elsewhere(alarm.node, alarm.opened_s)) if alarm.node else []
        if is_over or "statement" in self._rules[alarm.kind].proof:
            found += self.records(alarm)
        return found

    def records(self, alarm: Alarm) -> list[Proof]:
        """The node's newest records of the kinds that prove, stored since the alarm opened, the best kind first."""
        kinds = [NUMBERS[name] for name in self._rules[alarm.kind].proof if name in NUMBERS]
        if not alarm.node or not kinds:
            return []
        node = node_number(bytes.fromhex(alarm.node))
        return [
            Proof(NAMES.get(row.kind, str(row.kind)), row.stored_s, alarm.node, row.seq, crc32(row.raw), _told(row.raw))
            for row in dict.fromkeys(self._table.records(node, kinds, alarm.seq))
        ]


def commissioned(of_node: Callable[[str, int], Sequence["Commissioned"]]) -> Callable[[str, float], Sequence[Proof]]:
    """For Proofs.elsewhere: the last commissioning of the node, if it was done since."""

    def proofs(node: str, since_s: float) -> Sequence[Proof]:
        return [
            Proof("commissioning", one.done_s, node, text=one.technician[:16])
            for one in of_node(node, 1)
            if one.done_s >= since_s
        ]

    return proofs


def _told(raw: bytes) -> str:
    """What is worth repeating of a record: the CRC-32 of the picture that stood on the glass."""
    try:
        one, _ = record.parse(raw)
        if one.kind == shown_on_glass.KIND:
            return f"{shown_on_glass.parse(one.body, one.version > shown_on_glass.VERSION).picture_crc:08x}"
    except MalformedFrame:
        pass
    return ""
