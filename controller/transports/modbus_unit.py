"""One unit of a bus as the bus sees it: how long to wait for it, when to ask it again, how well it kept its schedule.

Never asks anything itself and reads no clock; times are the loop's seconds.
Specification: RFC 6298 (smoothed answer time and its deviation); README.md here, "Buses".
"""

import math
from collections import deque
from collections.abc import Callable, Generator
from typing import Protocol

MIN_TIMEOUT_S = 0.1  # below it, a busy machine looks like a dead device
MAX_PAUSE_S = 60.0  # a silent unit is asked at least this often
SILENT_S = 10.0  # without an answer for so long, and
SILENT_REQUESTS = 2  # to more requests than that, a unit counts as silent
REMEMBERED = 128  # answer times for the percentiles

Talk = Generator[bytes | None, bytes, None]


class Conversation(Protocol):
    """What is said to a unit. `talk` yields requests and is sent their answers, None when it waits for its next poll.

    A request that found no answer is asked again later: it must do no harm twice.
    """

    period_s: float
    wake: Callable[[], None]  # set by the bus: there is something to say before the next poll

    @property
    def again_s(self) -> float:
        """How soon to go on although no poll is due; 0: not before the next poll."""

    def talk(self) -> Talk:
        """The conversation, for ever."""

    def silent(self) -> None:
        """The unit has not answered for SILENT_S."""


class Unit:
    """One unit. `due_s` is its next poll; `request` what the conversation wants to say now, None: nothing."""

    def __init__(self, address: int, conversation: Conversation, start_s: float, timeout_s: float) -> None:
        self.address = address
        self.conversation = conversation
        self._talk = conversation.talk()
        self.request: bytes | None = None
        self.due_s = start_s
        self.again_s = math.inf  # when to go on although no poll is due
        self.asked_s = 0.0
        self.heard_s = start_s
        self.is_heard = False
        self.failures = 0  # in a row
        self._timeout_s = timeout_s
        self._smooth_s = -1.0
        self._deviation_s = 0.0
        self.requests = self.answers = self.timeouts = self.garbled = self.exceptions = self.kept = self.missed = 0
        self.answer_s: deque[float] = deque(maxlen=REMEMBERED)

    @property
    def usual_s(self) -> float | None:
        """The time that an answer may usually take, None while none came."""
        if self._smooth_s < 0:
            return None
        return max(MIN_TIMEOUT_S, self._smooth_s + 4 * self._deviation_s)

    def timeout_s(self, of_others_s: float | None) -> float:
        """How long to wait now. One that never answered is given the whole time at first and at every eighth request.

        Between those it is given what the slowest other needs; failures make it longer, but a silent unit that is
        usually quick never costs the others more than half of the whole time.
        """
        usual_s = self.usual_s
        if usual_s is None:
            if of_others_s is None or self.failures % 8 == 0:
                return self._timeout_s
            usual_s = of_others_s
        return min(usual_s * (1, 2, 4)[min(self.failures, 2)], max(usual_s, self._timeout_s / 2), self._timeout_s)

    def resume(self) -> None:
        """A poll is due, or there is something to say: let the conversation find out what."""
        self.again_s = math.inf
        if self.request is None:
            self.request = next(self._talk)

    def answered(self, answer: bytes, now_s: float, answer_s: float) -> None:
        """`answer_s`: what the unit took, without the line's own time."""
        self.answers += 1
        self.failures = 0
        self.heard_s = now_s
        self.answer_s.append(answer_s)
        if self._smooth_s < 0:
            self._smooth_s, self._deviation_s = answer_s, answer_s / 2
        else:  # RFC 6298, 2.3
            self._deviation_s += (abs(self._smooth_s - answer_s) - self._deviation_s) / 4
            self._smooth_s += (answer_s - self._smooth_s) / 8
        if not self.is_heard:
            self.is_heard = True
            self.due_s = now_s
        if now_s >= self.due_s:
            late = int((now_s - self.due_s) // self.conversation.period_s)
            self.missed += late
            self.kept += 1
            self.due_s += (late + 1) * self.conversation.period_s
        self.request = self._talk.send(answer)
        if self.request is None and self.conversation.again_s:
            self.again_s = now_s + self.conversation.again_s

    def unanswered(self, now_s: float) -> None:
        """It is asked again at once, then at its next poll, then ever more rarely."""
        self.failures += 1
        if self.failures > 1:
            period_s = self.conversation.period_s
            pause_s = min(period_s * 2 ** min(self.failures - 2, 8), MAX_PAUSE_S)
            self.due_s = now_s + pause_s
            if self.is_heard:
                self.missed += max(1, int(pause_s // period_s))
        if self.failures > SILENT_REQUESTS and now_s - self.heard_s > SILENT_S:
            self.fall_silent()

    def fall_silent(self) -> None:
        """Too long without an answer: the conversation hears of it, once."""
        if self.is_heard:
            self.is_heard = False
            self.conversation.silent()

    def percentile_s(self, share: float) -> float | None:
        """Of the last answers, the time that this share of them did not exceed."""
        times = sorted(self.answer_s)
        return times[min(int(len(times) * share), len(times) - 1)] if times else None
