"""What nodes tell that is wrong with them: facts that begin with one record and end with another.

Never guesses: of what a node has not told since the controller started nothing is known. Times are Unix seconds.
Specification: protocols/schema for the records; README.md here, "Alarms".
"""

import zlib
from collections.abc import Callable, Iterator
from typing import Any

from controller import events
from controller.services.alarms_life import Fact, Key
from controller.services.alarms_rules import Rules
from controller.services.documents import NAMES, REASONS
from controller.services.meters import OUTCOMES
from protocols.wire import air_rows
from protocols.wire.messages import boot, document, event, reading, shown_on_glass
from protocols.wire.topics import node_name

# Kinds of which nothing is known until the node has told it.
_BY_ALL = frozenset({"out_of_service", "journal", "behind", "peripheral", "settings", "document", "clock"})
TOLD = _BY_ALL | {"fault", "no_data", "glass", "door", "meter", "air", "values"}
FIRST_OF_2000_S = 946_684_800  # an earlier record time is an uptime: the node's clock is not set
BACK = (" works", " speaks", " answers")  # how a node says that a peripheral is back: firmware/nodes
DOOR = air_rows.NUMBERS["door"]
BAD_AIR = ((air_rows.FLAG_RANGE, "range"), (air_rows.FLAG_NOISE, "noise"))
GLASS_MODES = {shown_on_glass.MODE_FAULT: "fault", shown_on_glass.MODE_NO_DATA: "no_data"}


class Told:
    """Hears every notice; `fact` makes one with the node's name and place in it."""

    def __init__(self, rules: Rules, now_s: Callable[[], float], fact: Callable[..., Fact]) -> None:
        self._rules = rules
        self._now_s = now_s
        self._fact = fact
        self._facts: dict[Key, Fact | None] = {}  # None: told to be well
        self._news: dict[Key, tuple[Fact, float]] = {}  # facts of a moment, and when it was
        self._faulty: dict[bytes, dict[str, None]] = {}  # what a node said of its peripherals, in order
        self._glasses: dict[bytes, list[int | None]] = {}  # CRC-32 in the record, and of the picture
        self._valued_s: dict[tuple[bytes, str], float] = {}  # post, or node and meter -> when it gave values
        self._hear: dict[type[Any], Callable[[Any], None]] = {
            events.NodeBooted: self._booted,
            events.StatusReported: self._status,
            events.IncidentReported: self._incident,
            events.ArrivalsShown: self._glass,
            events.GlassChanged: self._glass,
            events.PictureTaken: self._picture,
            events.AirMeasured: self._air,
            events.MeterRead: self._meter,
            events.CoverChanged: self._cover,
            events.DocumentReported: self._document,
        }

    def tell(self, notice: events.Notice) -> None:
        """Something happened."""
        hear = self._hear.get(type(notice))
        if hear is not None:
            hear(notice)

    def knows(self, key: Key) -> bool:
        """Whether it was told since the start that this is so, or that it is not."""
        return key in self._facts or key in self._news

    def facts(self, now_s: float) -> Iterator[Fact]:
        """What is wrong now."""
        for fact in self._facts.values():
            if fact is not None:
                yield fact
        for (kind, _), (fact, at_s) in self._news.items():
            if now_s - at_s <= self._rules[kind].news_s:
                yield fact
        limit_s = self._rules["values"].limit
        for (node, meter), at_s in self._valued_s.items():
            if now_s - at_s > limit_s:
                yield self._fact("values", node, meter, detail=meter, since_s=at_s)

    def _set(self, is_wrong: bool, kind: str, node: bytes, part: str = "", **told: Any) -> None:
        fact = self._fact(kind, node, part, **told) if is_wrong else None
        subject = f"{node_name(node)}/{part}" if part else node_name(node)
        self._facts[kind, subject] = fact

    def _happened(self, kind: str, node: bytes, detail: str) -> None:
        fact = self._fact(kind, node, detail=detail)
        before, _ = self._news.get(fact.key, (fact, 0))
        self._news[fact.key] = self._fact(kind, node, detail=detail, amount=before.amount + 1), self._now_s()

    # --- every node

    def _booted(self, told: events.NodeBooted) -> None:
        """What the node said before is of another life: it says anew what still is wrong."""
        node = told.node
        self._faulty.pop(node, None)
        for kind in ("peripheral", "out_of_service", "settings"):
            self._set(False, kind, node)
        self._depth(node, told.journal_depth)
        if told.reset_cause == boot.RESET_CAUSE_WATCHDOG:
            self._happened("unstable", node, "watchdog")

    def _status(self, told: events.StatusReported) -> None:
        node, at_s, now_s = told.node, told.at_ms / 1000, self._now_s()
        self._depth(node, told.journal_depth)
        is_set = at_s >= FIRST_OF_2000_S
        ahead_s = int(at_s - now_s) if is_set else 0
        self._set(not is_set or ahead_s > self._rules["clock"].limit, "clock", node, amount=max(0, ahead_s))
        behind = self._rules["behind"]
        limit_s = behind.clear_limit if self._holds("behind", node) else behind.limit
        self._set(is_set and -ahead_s > limit_s, "behind", node, amount=-ahead_s)

    def _depth(self, node: bytes, depth: int) -> None:
        rule = self._rules["journal"]
        limit = rule.clear_limit if self._holds("journal", node) else rule.limit
        self._set(depth >= limit, "journal", node, amount=depth)

    def _holds(self, kind: str, node: bytes) -> bool:
        return self._facts.get((kind, node_name(node))) is not None

    def _incident(self, told: events.IncidentReported) -> None:
        node, text = told.node, told.text
        if told.code in (event.CODE_JOURNAL_NEARLY_FULL, event.CODE_JOURNAL_FULL):
            self._set(True, "journal", node, detail=text)
        elif told.code in (event.CODE_OUT_OF_SERVICE, event.CODE_IN_SERVICE):
            self._set(told.code == event.CODE_OUT_OF_SERVICE, "out_of_service", node, detail=text)
        elif told.code == event.CODE_SETTINGS_FAULT:
            self._set(True, "settings", node, detail=text)
        elif told.code == event.CODE_TASK_RESTARTED:
            self._happened("unstable", node, text)
        elif told.code == event.CODE_PERIPHERAL_FAULT:
            self._faulty.setdefault(node, {})[text] = None
            self._peripherals(node)
        elif told.code == event.CODE_PERIPHERAL_BACK:
            self._peripheral_back(node, text)

    def _peripheral_back(self, node: bytes, text: str) -> None:
        """The texts begin with the peripheral's name; a fault that names none is the node's only one."""
        name = next((text.removesuffix(end) for end in BACK if text.endswith(end)), text)
        faulty = self._faulty.get(node, {})
        named = [fault for fault in faulty if fault.startswith(name)] or list(faulty)
        for fault in named:
            del faulty[fault]
        self._peripherals(node)

    def _peripherals(self, node: bytes) -> None:
        faulty = list(self._faulty.get(node, {}))
        self._set(bool(faulty), "peripheral", node, detail="; ".join(faulty[:3]), amount=len(faulty))

    def _document(self, told: events.DocumentReported) -> None:
        failed = told.outcome in (document.OUTCOME_REFUSED, document.OUTCOME_FAILED)
        name = NAMES.get(told.type, str(told.type))
        why = REASONS.get(told.reason, str(told.reason))
        self._set(failed, "document", told.node, name, detail=f"{name} {told.version}: {why}")

    # --- displays

    def _glass(self, told: events.ArrivalsShown | events.GlassChanged) -> None:
        mode = GLASS_MODES.get(told.mode) if isinstance(told, events.GlassChanged) else None
        for kind in GLASS_MODES.values():
            self._set(kind == mode, kind, told.node)
        self._glasses.setdefault(told.node, [None, None])[0] = told.picture_crc
        self._compare(told.node)

    def _picture(self, told: events.PictureTaken) -> None:
        self._glasses.setdefault(told.node, [None, None])[1] = zlib.crc32(told.bits)
        self._compare(told.node)

    def _compare(self, node: bytes) -> None:
        recorded, pictured = self._glasses[node]
        if recorded is not None and pictured is not None:
            self._set(recorded != pictured, "glass", node, detail=f"{recorded:08x}")

    # --- posts and meters

    def _gave_values(self, node: bytes, meter: str = "") -> None:
        self._valued_s[node, meter] = self._now_s()
        self._set(False, "values", node, meter)

    def _air(self, told: events.AirMeasured) -> None:
        node = told.node
        self._gave_values(node)
        by_flag = [
            f"{air_rows.CHANNELS[row.channel][0]} {word}"
            for row in told.rows
            for bit, word in BAD_AIR
            if row.flags & bit and row.channel < len(air_rows.CHANNELS)
        ]
        self._set(bool(by_flag), "air", node, detail=", ".join(by_flag), amount=len(by_flag))
        for row in told.rows:
            if row.channel == DOOR:
                self._set(row.mean > 0 and not row.flags & air_rows.FLAG_MAINTENANCE, "door", node)

    def _meter(self, told: events.MeterRead) -> None:
        meter = str(told.meter)
        if told.outcome == reading.OUTCOME_READ:
            self._gave_values(told.node, meter)
        outcome = OUTCOMES[told.outcome] if told.outcome < len(OUTCOMES) else str(told.outcome)
        if told.flags & reading.FLAGS_STALE:
            outcome = "stale"
        self._set(outcome != "read", "meter", told.node, meter, detail=outcome)

    def _cover(self, told: events.CoverChanged) -> None:
        self._set(told.is_open, "door", told.node)
