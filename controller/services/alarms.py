"""The alarms of a town: looked for once a second, kept through restarts, handled by people, ended with proof.

Never finds or explains a fact itself (alarms_watch, alarms_told, alarms_causes), nor decides when one is an alarm
(alarms_life). Specification: README.md here, "Alarms".
"""

import asyncio
import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, fields, replace
from typing import Any

import structlog

from controller.access.audit import describe
from controller.events import Notice
from controller.registry import Registry
from controller.services.alarms_causes import Causes, Group
from controller.services.alarms_life import Alarm, Book, Change, Fact, Key, Note, Proof, by_harm
from controller.services.alarms_proof import Proofs
from controller.services.alarms_rules import SEVERITIES, Rules
from controller.services.alarms_told import TOLD, Told
from controller.services.alarms_watch import START_S, Sources, Watch
from controller.services.fleet import Fleet
from controller.services.ledger import Ledger
from controller.store.alarms import AlarmRow, AlarmTable, NoteRow
from controller.store.writing import WriterThread
from protocols.provisioning import NodeEntry
from protocols.wire.topics import node_name

LOOK_S = 1.0
LONGEST_SNOOZE_S = 31 * 86_400
LONGEST_TEXT = 1000
ENDED_SHOWN = 20
# Of these nobody knows anything at a start: nodes have to come back first.
AT_START = frozenset(("offline", "broker", "uplink", "network", "place"))

log = structlog.get_logger("alarms")


class AlarmRefused(Exception):
    """It cannot be done; `code` names a text of the page's catalogues, `status` is HTTP's."""

    def __init__(self, status: int, code: str, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.code = code


class Alarms:
    """`people`: to whom an alarm may be given beside oneself. `relays` are (name, nodes behind it)."""

    def __init__(
        self,
        rules: Rules,
        registry: Registry,
        relays: Iterable[tuple[str, Sequence[str]]],
        fleet: Fleet,
        ledger: Ledger,
        sources: Sources,
        table: AlarmTable,
        writer: WriterThread,
        now_s: Callable[[], float],
        place_of: Callable[[NodeEntry], str],
        tell_count: Callable[[str, int], None],
    ) -> None:
        self.people: Callable[[], Iterable[str]] = tuple
        self.changed: Callable[[], None] = lambda: None  # people changed something: pages show it at their next beat
        self.sources = sources
        self.proofs = Proofs(rules, table, ledger)
        self._rules = rules
        self._registry = registry
        self._relays = tuple((name, frozenset(nodes)) for name, nodes in relays)
        self._fleet = fleet
        self._ledger = ledger
        self._table = table
        self._writer = writer
        self.now_s = now_s
        self._place_of = place_of
        self._tell_count = tell_count
        self._started_s = now_s()
        self._watch = Watch(rules, fleet, ledger, sources, self._fact, self._started_s)
        self._told = Told(rules, now_s, self._fact)
        self._book = Book(
            rules,
            [alarm for alarm in map(_read, table.open()) if alarm.kind in rules],
            {alarm.key: alarm.amount for alarm in map(_read, table.closed_last()) if self.may_state(alarm)},
            table.last_id(),
        )
        self._causes: Causes | None = None
        self._unsaved: list[Change] = []
        self._saving = asyncio.Lock()
        self._shown: tuple[Alarm, ...] = ()
        self._ended = tuple(self.history(limit=ENDED_SHOWN, but="explained"))
        self._count()

    # --- what happens

    def tell(self, notice: Notice) -> None:
        """A node told something."""
        self._told.tell(notice)

    def town_changed(self) -> None:
        """Places have other names now, or other nodes."""
        self._causes = None

    async def run(self) -> None:
        """Look once a second, for ever."""
        while True:
            self.look()
            await self.save()
            await asyncio.sleep(LOOK_S)

    def look(self) -> None:
        """One look at the town; what it changes is not stored yet."""
        now_s = self.now_s()
        if self._causes is None:
            self._causes = self._make_causes()
        facts = {fact.key: fact for fact in (*self._watch.facts(now_s), *self._told_facts(now_s))}
        explained = self._causes.find(facts, self._buses(), now_s)
        changes = self._book.look(facts, explained, self._is_known, self._last_seq, now_s)
        self._unsaved += changes
        self._count()

    def _told_facts(self, now_s: float) -> Iterable[Fact]:
        """Who was taken out of the registry has nothing more to tell."""
        return (fact for fact in self._told.facts(now_s) if fact.node in self._registry.names)

    # --- what people ask

    def open(self) -> tuple[Alarm, ...]:
        """The open ones, the gravest first; snoozed ones behind."""
        return self._shown

    def ended(self) -> tuple[Alarm, ...]:
        """Those that ended last, with their proofs, the newest first."""
        return self._ended

    def one(self, number: int) -> tuple[Alarm, list[Note]]:
        """An alarm with its history. Reads the database. Raises AlarmRefused."""
        body = self._table.one(number)
        found = next((alarm for alarm in self._shown if alarm.id == number), None) or (_read(body) if body else None)
        if found is None:
            raise AlarmRefused(404, "unknown", "there is no such alarm")
        return found, [Note(*row) for row in self._table.notes(number)]

    def history(self, **filters: Any) -> list[Alarm]:
        """Ended ones, the newest first: see AlarmTable.history. Reads the database."""
        return [_read(body) for body in self._table.history(**filters)]

    def notes_of(self, numbers: Sequence[int]) -> dict[int, list[Note]]:
        """Alarm -> what was done about it, in order. Reads the database."""
        found: dict[int, list[Note]] = {}
        for row in self._table.notes_of(numbers):
            found.setdefault(row.alarm, []).append(Note(*row))
        return found

    @property
    def kinds(self) -> tuple[str, ...]:
        """All there are rules for."""
        return tuple(self._rules)

    def proofs_of(self, number: int) -> list[Proof]:
        """What it may be closed with; a person's statement, where may_state() says so. Reads the database."""
        alarm = self._open_one(number)
        return self.proofs.offered(alarm, is_over=self._book.is_over(alarm))

    def may_state(self, alarm: Alarm) -> bool:
        """Whether a person's words are proof enough, because no record can show it."""
        rule = self._rules.get(alarm.kind)
        return rule is not None and "statement" in rule.proof

    # --- what people do

    async def handle(
        self, who: str, number: int, what: str, text: str = "", *, until_s: float = 0.0, seq: int | None = None
    ) -> Alarm:
        """Acknowledge, assign (to `text`), comment, snooze (`until_s`), wake or close; the alarm as it is then.

        Closing needs the number of one of its proofs (proofs_of), or a statement. Raises AlarmRefused. It holds at
        once, and is stored as soon as the database can.
        """
        alarm = self._open_one(number)
        text = text.strip()
        if len(text) > LONGEST_TEXT:
            raise AlarmRefused(422, "too_long", f"a text has at most {LONGEST_TEXT} characters")
        now_s = self.now_s()
        if what == "close":
            proof = await self._proof(alarm, text, seq, now_s)
            alarm = self._open_one(number)  # it may have ended meanwhile
            change = self._book.close(alarm, who, now_s, proof)
        else:
            change = self._step(alarm, who, what, text, until_s, now_s)
            self._book.open[alarm.key] = change[0]
        self._unsaved.append(change)
        self._count()
        describe(f"alarm {alarm.id}: {alarm.kind} {alarm.subject}", _handled(alarm), _handled(change[0]))
        await self.save()
        self.changed()
        return change[0]

    def _step(self, alarm: Alarm, who: str, what: str, text: str, until_s: float, now_s: float) -> Change:
        if what == "acknowledge":
            return replace(alarm, acknowledged_by=who), Note(alarm.id, now_s, "acknowledged", who)
        if what == "assign":
            if text not in (who, *self.people()):
                raise AlarmRefused(422, "unknown_person", "name somebody whom the controller knows")
            return replace(alarm, assignee=text), Note(alarm.id, now_s, "assigned", who, text)
        if what == "comment":
            if not text:
                raise AlarmRefused(422, "no_text", "a comment has a text")
            return replace(alarm, comment=text), Note(alarm.id, now_s, "commented", who, text)
        if what == "snooze":
            if not now_s < until_s <= now_s + LONGEST_SNOOZE_S:
                raise AlarmRefused(422, "wrong_time", "an alarm is snoozed until a moment within the next 31 days")
            return replace(alarm, snoozed_until_s=until_s), Note(alarm.id, now_s, "snoozed", who, str(int(until_s)))
        if what == "wake":
            return replace(alarm, snoozed_until_s=0.0), Note(alarm.id, now_s, "woke", who)
        raise AlarmRefused(422, "unknown_step", "acknowledge, assign, comment, snooze, wake or close")

    async def _proof(self, alarm: Alarm, text: str, seq: int | None, now_s: float) -> Proof:
        if seq is not None:
            for proof in await asyncio.to_thread(self.proofs_of, alarm.id):
                if proof.seq == seq:
                    return proof
        elif text and self.may_state(alarm):
            return Proof("statement", now_s, alarm.node, text=text)
        raise AlarmRefused(409, "no_proof", "no record shows that it is done: see its proofs")

    def _open_one(self, number: int) -> Alarm:
        for alarm in self._book.open.values():
            if alarm.id == number:
                return alarm
        raise AlarmRefused(404, "ended", "there is no such open alarm")

    # --- what is kept

    async def save(self) -> None:
        """Store what has changed; what the database does not take waits for the next look."""
        async with self._saving:
            changes = self._unsaved.copy()
            if not changes:
                return
            try:
                stored = await self._writer.run(self._store, changes)
            except sqlite3.Error as error:
                log.error("alarms cannot be stored, they wait", error=str(error), waiting=len(changes))
            else:
                del self._unsaved[: len(changes)]
                ended = [alarm for alarm in reversed(stored) if alarm.end in ("cleared", "closed")]
                self._ended = (*ended, *self._ended)[:ENDED_SHOWN]

    def _store(self, changes: Iterable[Change]) -> list[Alarm]:
        """Returns them as they are stored: with their proofs."""
        stored: dict[int, Alarm] = {}
        notes = []
        for alarm, note in changes:
            stored[alarm.id] = replace(alarm, proof=self.proofs.of(alarm)) if alarm.end == "cleared" else alarm
            notes.append(NoteRow(note.alarm, note.at_s, note.what, note.who, note.text))
        self._table.save(map(_row, stored.values()), notes)
        return list(stored.values())

    def _count(self) -> None:
        self._shown = by_harm(self._book.open.values())
        for severity in SEVERITIES:
            self._tell_count(severity, sum(alarm.severity == severity for alarm in self._shown))

    # --- what the parts ask

    def _fact(self, kind: str, node: bytes, part: str = "", **told: Any) -> Fact:
        entry = self._registry[node]
        name = node_name(node)
        subject = f"{name}/{part}" if part else name
        return Fact(kind, subject, name, entry.name, self._place_of(entry), entry.kind, **told)

    def _last_seq(self, name: str) -> int:
        return self._ledger.highest_of(bytes.fromhex(name)) if name in self._registry.names else 0

    def _is_known(self, key: Key) -> bool:
        """Whether enough was heard since the start to say that it is over."""
        alarm = self._book.open.get(key)
        if alarm is not None and alarm.opened_s >= self._started_s:
            return True
        kind, subject = key
        name = subject.partition("/")[0]
        age_s = self.now_s() - self._started_s
        if self._rules[kind].news_s:
            return age_s >= self._rules[kind].news_s or self._told.knows(key)
        if kind in TOLD:
            return name not in self._registry.names or self._told.knows(key)
        if kind == "offline" and name in self._registry.names and self._fleet.was_heard(bytes.fromhex(name)):
            return True
        return kind not in AT_START or age_s >= START_S

    def _buses(self) -> list[Group]:
        return [Group("bus", bus.name, bus.name, "", bus.members) for bus in self.sources.buses()]

    def _make_causes(self) -> Causes:
        everybody = self._registry.names
        groups = [Group("broker", "", "", "", everybody)]
        groups += [Group("uplink", name, name, "", nodes & everybody) for name, nodes in self._relays]
        groups.append(Group("network", "", "", "", everybody))
        together: dict[str, list[NodeEntry]] = {}
        for entry in self._registry.by_node.values():
            if where := entry.vehicle_id or entry.stop_id:
                together.setdefault(where, []).append(entry)
        for where, entries in together.items():
            members = frozenset(node_name(entry.node) for entry in entries)
            groups.append(Group("place", where, self._place_of(entries[0]), entries[0].kind, members))
        return Causes(self._rules, groups, len(everybody))


def _handled(alarm: Alarm) -> dict[str, Any]:
    """What people change of it."""
    return {name: getattr(alarm, name) for name in ("state", "assignee", "comment", "snoozed_until_s")}


def _row(alarm: Alarm) -> AlarmRow:
    body = json.dumps(asdict(alarm), ensure_ascii=False)
    return AlarmRow(alarm.id, alarm.kind, alarm.subject, alarm.node, alarm.opened_s, alarm.end, body)


def _read(body: str) -> Alarm:
    """What a version before or behind this one wrote lacks fields or has more."""
    told = json.loads(body)
    known = {field.name: told[field.name] for field in fields(Alarm) if field.name in told}
    known["victims"] = tuple(known.get("victims", ()))
    if known.get("proof"):
        known["proof"] = Proof(**known["proof"])
    return Alarm(**known)
