"""The life of a set of modules on this node: started anew into it, on trial, confirmed or given up; each step is told.

Never chooses what starts (boot.py does) and never receives a set (update_store.py does).
Specification: firmware/UPDATES.md. Time is an argument: monotonic milliseconds.
"""

from firmware import boot_record
from protocols.wire import document as wire
from protocols.wire.messages import document, event

TRIAL_MS = 300_000  # so long a set may take until its first receipt
SETTLED_MS = 10_000  # so long every task has to have run before one counts
UNSENT_MS = 30_000  # so long a restart waits for receipts of what was recorded


class Updates:
    """`running` is the slot whose set runs, None for the factory set; `reset()` starts the node anew."""

    def __init__(self, record, running, documents, health, reset):
        self._record = record
        self._running = running
        self._documents = documents
        self._health = health
        self._reset = reset
        self._ready_ms = None  # since when a set waits to be started

    def open(self):
        """Tell what runs, and what was given up since."""
        for number, slot in enumerate(self._record.slots):
            if slot.state == boot_record.BAD and slot.patience != boot_record.TOLD:
                self._tell(number, "was given up", document.OUTCOME_ROLLED_BACK, slot.reason)
                self._record.change(number, patience=boot_record.TOLD)
        if self.on_trial():
            self._tell(self._running, "runs on trial", document.OUTCOME_TRIAL)
        elif self._running is not None:
            self._tell(self._running, "runs", document.OUTCOME_HELD)

    def on_trial(self):
        return self._running is not None and self._record.slots[self._running].state == boot_record.TRIAL

    def look(self, now_ms, receipts, restarts, may_restart):
        """Once a second: confirm the set on trial, or give it up; start the one that is ready.

        `receipts` came since the start, so often tasks were started again, and `may_restart` says whether it is a good
        moment: nobody waits, nothing is unsent.
        """
        if self.on_trial():
            if receipts and not restarts and now_ms >= SETTLED_MS:
                self._record.change(self._running, state=boot_record.CONFIRMED)
                self._tell(self._running, "is confirmed", document.OUTCOME_CONFIRMED)
            elif now_ms >= TRIAL_MS:
                self._record.give_up(self._running, boot_record.CRASHED if restarts else boot_record.NO_RECEIPT)
                self._reset()
        elif self._record.to_start() != self._running:
            if self._ready_ms is None:
                self._ready_ms = now_ms
            if may_restart or now_ms - self._ready_ms >= UNSENT_MS:
                self._reset()

    def _tell(self, number, what, outcome, reason=document.REASON_NONE):
        version = self._record.slots[number].version
        severity = event.SEVERITY_ERROR if reason else event.SEVERITY_INFO
        self._health.event(event.CODE_UPDATE, f"set {version} in slot {'ab'[number]} {what}", severity, reason)
        self._documents.tell(wire.FIRMWARE, version, outcome, reason)
