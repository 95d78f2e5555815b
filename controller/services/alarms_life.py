"""The life of alarms: facts go in once a second, alarms open and end by their rules, and nothing flaps.

Never finds a fact and never asks a database; time is an argument. Times are Unix seconds.
Specification: README.md here, "Alarms"; the rules are alarm_rules.toml.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from controller.services.alarms_rules import Rules

Key = tuple[str, str]  # kind, subject


@dataclass(frozen=True, slots=True)
class Fact:
    """Something is wrong: `subject` is unique within the kind, `node` the node or device that it is about.

    `detail` is language-free: a code, a channel, what the node said. `victims` are nodes and devices.
    """

    kind: str
    subject: str
    node: str = ""
    name: str = ""
    place: str = ""
    node_kind: str = ""
    amount: int = 0
    detail: str = ""
    since_s: float | None = None
    victims: tuple[str, ...] = ()

    @property
    def key(self) -> Key:
        """What makes it the same fact as before."""
        return self.kind, self.subject


@dataclass(frozen=True, slots=True)
class Proof:
    """What shows that it is over: a stored record (`what` is its kind), else as in alarm_rules.toml, "proof"."""

    what: str
    at_s: float
    node: str = ""
    seq: int = 0
    crc32: int = 0
    text: str = ""


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm as it is now. `seq`: the node's last stored number when it opened; what proves its end comes later.

    `victims` are all that were ever hit, `amount` how many or how much now. `end`: "" while it is open, then `cleared`
    (by itself), `closed` (by `ended_by`) or `explained` (by another alarm, whose number is the proof's text).
    """

    id: int
    kind: str
    subject: str
    severity: str
    harm: int
    since_s: float
    opened_s: float
    node: str = ""
    name: str = ""
    place: str = ""
    node_kind: str = ""
    amount: int = 0
    detail: str = ""
    victims: tuple[str, ...] = ()
    seq: int = 0
    acknowledged_by: str = ""
    assignee: str = ""
    snoozed_until_s: float = 0.0
    comment: str = ""
    ended_s: float | None = None
    end: str = ""
    ended_by: str = ""
    proof: Proof | None = None

    @property
    def key(self) -> Key:
        """That of its fact."""
        return self.kind, self.subject

    @property
    def state(self) -> str:
        """`open`, `acknowledged`, `snoozed`, or how it ended."""
        if self.end:
            return self.end
        if self.snoozed_until_s:
            return "snoozed"
        return "acknowledged" if self.acknowledged_by else "open"

    @property
    def is_in_hand(self) -> bool:
        """Somebody has taken it."""
        return bool(self.acknowledged_by or self.assignee or self.comment)


@dataclass(frozen=True, slots=True)
class Note:
    """One line of an alarm's history; `who` is empty where nobody did it."""

    alarm: int
    at_s: float
    what: str
    who: str = ""
    text: str = ""


Change = tuple[Alarm, Note]


def by_harm(alarms: Iterable[Alarm]) -> tuple[Alarm, ...]:
    """Gravest first, then the oldest."""
    return tuple(sorted(alarms, key=lambda one: (one.state == "snoozed", -one.harm, one.opened_s, one.id)))


class Book:
    """The open alarms. `latched`: facts that hold and were closed in a person's words, and how much they knew of."""

    def __init__(self, rules: Rules, opened: Iterable[Alarm], latched: Mapping[Key, int], last_id: int) -> None:
        self.open = {alarm.key: alarm for alarm in opened}
        self._rules = rules
        self._latched = dict(latched)
        self._last_id = last_id
        self._began: dict[Key, float] = {}  # facts that are no alarm yet
        self._over: dict[Key, float] = {}  # alarms whose fact is gone

    def look(
        self,
        facts: Mapping[Key, Fact],
        explained: Mapping[Key, Fact],
        is_known: Callable[[Key], bool],
        seq_of: Callable[[str], int],
        now_s: float,
    ) -> list[Change]:
        """What changes at this moment.

        `explained` are facts and what explains them; of what is not `is_known` nothing changes; `seq_of` a node is its
        last stored number.
        """
        self._began = {
            key: self._began.get(key, now_s) for key in facts if key not in self.open and key not in explained
        }
        for key in [key for key in self._latched if key not in facts and is_known(key)]:
            del self._latched[key]
        changes = [self._opened(facts[key], seq_of, now_s) for key in self._began if self._is_due(facts[key], now_s)]
        for alarm in list(self.open.values()):
            fact = facts.get(alarm.key)
            cause = explained.get(alarm.key)
            if fact is None:
                changes += self._let_end(alarm, is_known, now_s)
                continue
            self._over.pop(alarm.key, None)
            if cause is not None and cause.victims and cause.key in self.open and not alarm.is_in_hand:
                because = Proof("cause", now_s, text=str(self.open[cause.key].id))
                changes.append(self._end(alarm, "explained", now_s, because))
                continue
            self.open[alarm.key] = alarm = _brought_up_to(alarm, fact)
            if alarm.snoozed_until_s and now_s >= alarm.snoozed_until_s:
                self.open[alarm.key] = alarm = replace(alarm, snoozed_until_s=0.0)
                changes.append((alarm, Note(alarm.id, now_s, "woke")))
        return changes

    def is_over(self, alarm: Alarm) -> bool:
        """Its fact is gone; it only waits whether it comes back."""
        return alarm.key in self._over

    def close(self, alarm: Alarm, who: str, now_s: float, proof: Proof) -> Change:
        """It is done. Where no record can show it, it opens again only if there is more of it."""
        if "statement" in self._rules[alarm.kind].proof:
            self._latched[alarm.key] = alarm.amount
        return self._end(alarm, "closed", now_s, proof, who)

    def _is_due(self, fact: Fact, now_s: float) -> bool:
        if now_s - self._began[fact.key] < self._rules[fact.kind].open_s:
            return False
        return fact.key not in self._latched or fact.amount > self._latched[fact.key]

    def _opened(self, fact: Fact, seq_of: Callable[[str], int], now_s: float) -> Change:
        self._latched.pop(fact.key, None)
        self._last_id += 1
        rule = self._rules[fact.kind]
        alarm = self.open[fact.key] = Alarm(
            id=self._last_id,
            kind=fact.kind,
            subject=fact.subject,
            severity=rule.severity,
            harm=rule.harm,
            since_s=self._began[fact.key] if fact.since_s is None else fact.since_s,
            opened_s=now_s,
            node=fact.node,
            name=fact.name,
            place=fact.place,
            node_kind=fact.node_kind,
            amount=fact.amount,
            detail=fact.detail,
            victims=fact.victims,
            seq=seq_of(fact.node),
        )
        return alarm, Note(alarm.id, now_s, "opened", text=alarm.detail)

    def _let_end(self, alarm: Alarm, is_known: Callable[[Key], bool], now_s: float) -> Iterable[Change]:
        if not is_known(alarm.key):
            return
        if now_s - self._over.setdefault(alarm.key, now_s) >= self._rules[alarm.kind].close_s:
            yield self._end(alarm, "cleared", now_s, Proof("measure", now_s))

    def _end(self, alarm: Alarm, how: str, now_s: float, proof: Proof, who: str = "") -> Change:
        del self.open[alarm.key]
        self._over.pop(alarm.key, None)
        ended = replace(alarm, ended_s=now_s, end=how, ended_by=who, proof=proof, snoozed_until_s=0.0)
        return ended, Note(alarm.id, now_s, how, who, proof.text)


def _brought_up_to(alarm: Alarm, fact: Fact) -> Alarm:
    victims = tuple(dict.fromkeys((*alarm.victims, *fact.victims)))
    if (alarm.amount, alarm.detail, alarm.victims) == (fact.amount, fact.detail, victims):
        return alarm
    return replace(alarm, amount=fact.amount, detail=fact.detail, victims=victims)
