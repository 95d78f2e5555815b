"""The board of a stop display: what each row says at a given second, counted down from the moments of arrival.

Never draws, never reads a clock, never asks the controller.
Specification: design, domain.md "Stop display" (the words); protocols/schema/stop_display.py.
"""

from collections import namedtuple

from protocols.wire.errors import MalformedFrame
from protocols.wire.messages import arrival_row, show_arrivals
from protocols.wire.text import unpad

NOW_S = 30
MINUTE_S = 60
CLOCK_TIME_S = 45 * 60  # later arrivals are told by the clock
GONE_S = 10  # so long after its arrival a vehicle still stands at the stop
STALE_S = 90  # GTFS-Realtime: positions older than this are none
SILENT_S = 300
MAX_ROWS = 8
DOUBT = "~"

Row = namedtuple("Row", ("route", "headsign", "words", "low_floor"))
View = namedtuple("View", ("rows", "no_data"))


class ArrivalBoard:
    """The rows of the last show_arrivals. `clock_text(unix seconds)` gives "HH:MM"."""

    def __init__(self, texts, clock_text):
        self._texts = texts
        self._clock_text = clock_text
        self._rows = []
        self._told_s = 0
        self._is_realtime = False

    def take(self, body, now_s):
        """A show_arrivals body replaces the rows. Raises MalformedFrame and keeps the rows before it."""
        told = show_arrivals.parse(body, newer=True)
        size = arrival_row.SIZE
        if len(told.rows) % size or len(told.rows) > MAX_ROWS * size:
            raise MalformedFrame("malformed", "rows")
        self._rows = [arrival_row.parse(told.rows[i : i + size]) for i in range(0, len(told.rows), size)]
        self._is_realtime = told.data_s != 0
        self._told_s = told.data_s or now_s

    def view(self, now_s):
        """A View of this second: rows that have not passed, soonest first, and whether "no data" has to be said."""
        age_s = now_s - self._told_s
        doubt_all = not self._is_realtime or age_s > STALE_S
        rows = []
        for row in self._rows:
            if row.arrival_s + GONE_S >= now_s:
                doubt = doubt_all or not row.flags & arrival_row.FLAGS_REALTIME
                words = (DOUBT if doubt else "") + self.words(row.arrival_s, now_s)
                low_floor = bool(row.flags & arrival_row.FLAGS_LOW_FLOOR)
                rows.append(Row(unpad(row.route), unpad(row.headsign), words, low_floor))
        return View(rows, age_s > SILENT_S or not rows)

    def words(self, arrival_s, now_s):
        """When a vehicle comes, as people say it."""
        left_s = arrival_s - now_s
        if left_s <= NOW_S:
            return self._texts["now"]
        if left_s < MINUTE_S:
            return self._texts["under_a_minute"]
        if left_s > CLOCK_TIME_S:
            return self._clock_text(arrival_s)
        return self._texts["minutes"].format(left_s // MINUTE_S)
