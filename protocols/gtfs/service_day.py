"""A service day's times -> Unix time.

Must never know: trips.
Specification: GTFS "Time": measured from noon minus 12 h of the service day, so on a day with a clock change 00:00:00
is not local midnight, and times run beyond 24:00:00 into the next morning.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_NOON = time(12)
_HALF_DAY_S = 12 * 3600
_DAY = timedelta(days=1)


def day_start_s(day: date, zone: ZoneInfo) -> int:
    """Unix time of the service day's 00:00:00."""
    return int(datetime.combine(day, _NOON, zone).timestamp()) - _HALF_DAY_S


def local_date(at_s: float, zone: ZoneInfo) -> date:
    return datetime.fromtimestamp(at_s, UTC).astimezone(zone).date()


def service_days(from_s: float, to_s: float, longest_s: int, zone: ZoneInfo) -> Iterator[date]:
    """The service days of which some time from 00:00:00 to `longest_s` falls between the two instants, in order."""
    # A day's 00:00:00 can lie an hour before its midnight: the day after the last one may have begun.
    day = local_date(from_s - longest_s, zone) - _DAY
    last = local_date(to_s, zone) + _DAY
    while day <= last:
        start_s = day_start_s(day, zone)
        if start_s <= to_s and start_s + longest_s >= from_s:
            yield day
        day += _DAY
