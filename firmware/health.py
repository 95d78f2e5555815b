"""What a node says of itself: events for people, the status record, one short line on the console for each.

Never decides anything, and never fails: an event that finds no room is only counted.
Specification: protocols/schema/common.py, EVENT and STATUS.
"""

import gc

from protocols.wire.messages import event, status
from protocols.wire.record import CLOCK_RECEIPT

MAX_TEXT = 120
EVENTS_AT_ONCE = 30  # something that comes and goes every second must not fill the journal with telling it
EVENT_EVERY_MS = 60_000
_U16 = 0xFFFF


class Health:
    """`link`, `session` and `supervisor` are asked for their counters."""

    def __init__(self, clock, journal, session, link, supervisor):
        self._clock = clock
        self._journal = journal
        self._session = session
        self._link = link
        self._supervisor = supervisor
        self._nearly_full = False
        self._events_left = EVENTS_AT_ONCE
        self._events_counted_ms = 0
        self._heap_free = 0
        self.peripheral_faults = 0
        supervisor.on_restart = self._task_restarted

    def event(self, code, text, severity=event.SEVERITY_INFO, detail=0):
        """`code` is one of event.CODE_…; `detail` a signed 32-bit number."""
        self.say(text)
        if not self._may_tell():
            return
        detail = max(-(2**31), min(2**31 - 1, detail))
        self._journal.note(event, event.Event(code, severity, detail, text.encode()[:MAX_TEXT]))

    def peripheral_failed(self, text):
        """A peripheral that did work does not work any more."""
        self.peripheral_faults += 1
        self.event(event.CODE_PERIPHERAL_FAULT, text, event.SEVERITY_ERROR)

    def peripheral_back(self, text):
        self.event(event.CODE_PERIPHERAL_BACK, text)

    def say(self, text):
        """A line on the console."""
        print(self._clock.monotonic_ms() // 1000, text)

    def time_told(self, source, utc_ms):
        """Let the clock know what time it is; the first time and a step become events."""
        was_unset = self._clock.utc_s() is None
        step_ms = self._clock.tell(source, utc_ms)
        text = "clock set by " + ("controller" if source == CLOCK_RECEIPT else "GNSS")
        if was_unset and self._clock.utc_s() is not None:  # so the controller can date what was recorded before
            self.event(event.CODE_CLOCK_SET, text, event.SEVERITY_INFO, self._clock.monotonic_ms())
        elif step_ms:
            self.event(event.CODE_CLOCK_STEPPED, text, event.SEVERITY_WARNING, step_ms // 1000)

    def look_at_journal(self):
        """Say so before records have to be refused or given up."""
        if self._journal.nearly_full != self._nearly_full:
            self._nearly_full = not self._nearly_full
            if self._nearly_full:
                self.event(event.CODE_JOURNAL_NEARLY_FULL, "journal nearly full", event.SEVERITY_WARNING)

    def record_status(self):
        gc.collect()
        self._heap_free = gc.mem_free()  # some 9 ms on an RP2040
        journal = self._journal
        self.say(f"status: waiting {journal.depth} last {journal.last_seq} heap {self._heap_free}")
        now = status.Status(
            self._clock.monotonic_ms() // 1000,
            self._heap_free,
            gc.mem_alloc(),
            journal.depth,
            journal.oldest_seq,
            journal.erases,
            min(self._link.connects, _U16),
            min(self._supervisor.restarts, _U16),
            min(self.peripheral_faults + journal.flash_faults, _U16),
            min(self._session.refused_total, _U16),
        )
        journal.note(status, now)

    def live(self):
        """The values of protocols/wire/registers.py, COMMON, from boot_id to refused_envelopes."""
        return (
            self._journal.boot_id,
            self._clock.monotonic_ms() // 1000,
            self._clock.utc_s(),
            self._clock.quality(),
            self._heap_free,
            self._journal.depth,
            self._journal.last_seq,
            self._supervisor.restarts,
            self.peripheral_faults + self._journal.flash_faults,
            self._session.refused_total,
        )

    def _may_tell(self):
        """Whether one more event may be journalled: some at once, then one a minute."""
        minutes = (self._clock.monotonic_ms() - self._events_counted_ms) // EVENT_EVERY_MS
        self._events_counted_ms += minutes * EVENT_EVERY_MS
        self._events_left = min(self._events_left + minutes, EVENTS_AT_ONCE) - 1
        if self._events_left >= 0:
            return True
        self._events_left = 0
        return False

    def _task_restarted(self, name, error):
        text = f"{name}: {type(error).__name__} {error}" if error else f"{name}: ended"
        self.event(event.CODE_TASK_RESTARTED, text, event.SEVERITY_WARNING, self._supervisor.restarts)
