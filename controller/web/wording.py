"""Times, ages, delays and numbers as a person reads them, in one language and one time zone.

Never reads a clock: the moment is always an argument. Holds no text of its own.
Specification: controller/web/README.md, "Words"; the texts stand in messages/*.toml.
"""

from datetime import UTC, datetime, time, timedelta, tzinfo

from controller.services.period import Period, read_period
from controller.services.units import for_people
from controller.web.language import Catalogue

MINUTE_S = 60
HOUR_S = 3600
DAY_S = 86400
JUST_NOW_S = 5
MORNING = time(7)
ON_TIME_S = 60  # a dispatcher plans by the minute
LATE_S = 180
# Ages step, so that a quiet page stays quiet: the text changes when the difference matters.
AGE_STEPS_S = (5, 10, 15, 20, 30, 40, 50)


class Words:
    """How one reader is told about quantities."""

    def __init__(self, catalogue: Catalogue, zone: tzinfo) -> None:
        self.say = catalogue.say
        self.count = catalogue.count
        self.number = catalogue.number
        self.language = catalogue.language
        self._has = catalogue.has
        self._zone = zone

    def name_of(self, family: str, name: str) -> str:
        """The word for a `name` that comes from data (a node kind, a reason); the bare name when there is none."""
        key = f"{family}.{name}"
        return self.say(key) if self._has(key) else name

    def knows(self, key: str) -> bool:
        """Whether there is a message for what came from data."""
        return self._has(key)

    def figure(self, value: float, places: int = 3) -> str:
        """A measured number, its last noughts left out."""
        whole, _, part = f"{abs(value):.{places}f}".partition(".")
        part = part.rstrip("0")
        told = self.number(int(whole)) + (f"{self.say('format.point')}{part}" if part else "")
        return f"\N{MINUS SIGN}{told}" if value < 0 and (part or int(whole)) else told

    def people_unit(self, unit: str) -> tuple[float, str]:
        """(what one of this unit is, in this one), and its name."""
        scale, shown = for_people(unit)
        return scale, self.name_of("unit", shown)

    def place(self, node_kind: str, place: str) -> str:
        """Where a node is: for some kinds the registry holds a bare number, of a vehicle say."""
        key = f"place.{node_kind}"
        return self.say(key, place=place) if place and self._has(key) else place

    def clock(self, time_s: float) -> str:
        """`14:32:07`."""
        return datetime.fromtimestamp(time_s, self._zone).strftime("%H:%M:%S")

    def stamp(self, time_s: float) -> str:
        """`2026-11-21 14:32:07`, for what may be of any year."""
        return datetime.fromtimestamp(time_s, self._zone).strftime("%Y-%m-%d %H:%M:%S")

    def minute(self, time_s: float) -> str:
        """`2026-11-21 14:32`, the same where seconds say nothing."""
        return datetime.fromtimestamp(time_s, self._zone).strftime("%Y-%m-%d %H:%M")

    def day(self, time_s: float, *, by: str = "day") -> str:
        """`2026-11-21`, or `2026-11`: the day or the month."""
        return datetime.fromtimestamp(time_s, self._zone).strftime("%Y-%m" if by == "month" else "%Y-%m-%d")

    def input_time(self, time_s: float) -> str:
        """`2026-11-21T14:32`, as HTML's datetime-local has it."""
        return datetime.fromtimestamp(time_s, self._zone).strftime("%Y-%m-%dT%H:%M")

    def wall_ms(self, time_s: float) -> float:
        """What the town's clocks show then, as milliseconds since they showed the beginning of 1970."""
        return datetime.fromtimestamp(time_s, self._zone).replace(tzinfo=UTC).timestamp() * 1000

    def date(self, time_s: float) -> str:
        """Day of the week, day and month."""
        moment = datetime.fromtimestamp(time_s, self._zone)
        return self.say(
            "calendar.date",
            weekday=self.say(f"calendar.weekdays.{moment.weekday()}"),
            day=moment.day,
            month=self.say(f"calendar.months.{moment.month - 1}"),
        )

    def moment(self, time_s: float, now_s: float) -> str:
        """The clock when it was today, else the date as well."""
        clock = self.clock(time_s)
        then, now = (datetime.fromtimestamp(t, self._zone).date() for t in (time_s, now_s))
        return clock if then == now else self.say("calendar.moment", date=self.date(time_s), clock=clock)

    def next_morning_s(self, time_s: float) -> float:
        """When people come to work on the day after."""
        day = datetime.fromtimestamp(time_s, self._zone).date() + timedelta(days=1)
        return datetime.combine(day, MORNING, self._zone).timestamp()

    def age(self, seconds: float) -> str:
        """How long ago, in the largest unit that says enough."""
        if seconds < JUST_NOW_S:
            return self.say("age.now")
        if seconds < MINUTE_S:
            step = max(s for s in AGE_STEPS_S if s <= seconds)
            return self.say("age.seconds", n=step)
        if seconds < HOUR_S:
            return self.say("age.minutes", n=int(seconds // MINUTE_S))
        if seconds < DAY_S:
            return self.say("age.hours", n=int(seconds // HOUR_S))
        return self.count("age.days", int(seconds // DAY_S))

    def span(self, seconds: int) -> str:
        """How long, to the minute: `26 h 40 min`."""
        return self.say("age.span", hours=self.number(seconds // HOUR_S), minutes=seconds % HOUR_S // MINUTE_S)

    def lasting(self, seconds: float) -> str:
        """How long, as exactly as it matters."""
        if seconds < MINUTE_S:
            return self.say("age.lasting.seconds", n=int(seconds))
        if seconds < HOUR_S:
            return self.say("age.lasting.minutes", n=int(seconds // MINUTE_S))
        return self.span(int(seconds))

    def period(self, first: str, last: str) -> Period:
        """Days or times that a reader typed; empty: an open end. Raises NoPeriod."""
        return read_period(first or None, last or None, str(self._zone))

    def delay(self, delay_s: float | None) -> str:
        """Minutes late (+) or early (−), as short as a label on a map needs it."""
        if delay_s is None:
            return self.say("delay.unknown")
        if abs(delay_s) < ON_TIME_S:
            return self.say("delay.on_time")
        sign = "+" if delay_s > 0 else "\N{MINUS SIGN}"
        return self.say("delay.minutes", signed=f"{sign}{int(abs(delay_s) // MINUTE_S)}")

    def delay_in_words(self, delay_s: float | None) -> str:
        """The same as a phrase, for who hears the page instead of seeing it."""
        if delay_s is None:
            return self.say("delay.words.unknown")
        if abs(delay_s) < ON_TIME_S:
            return self.say("delay.words.on_time")
        key = "delay.words.late" if delay_s > 0 else "delay.words.early"
        return self.count(key, int(abs(delay_s) // MINUTE_S))


def delay_state(delay_s: float | None) -> str:
    """`unknown`, `on_time`, `late` or `early`: what the colour beside the number goes by."""
    if delay_s is None:
        return "unknown"
    if delay_s >= LATE_S:
        return "late"
    return "early" if delay_s <= -ON_TIME_S else "on_time"
