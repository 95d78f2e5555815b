"""The one timer: one look at the town a beat, however many read, and no fault of a page reaches further.

Never opens a browser; readers here only note what they are told.
Specification: controller/web/README.md, "How it stays cheap".
"""

import asyncio
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from controller.services.live import Snapshot
from controller.tests.waiting import until
from controller.web import pulse as beating
from controller.web.language import read_catalogues
from controller.web.pulse import Moment, Pulse
from controller.web.tests.town import START_S, HandMadeLive, town
from controller.web.wording import Words

WORDS = {name: Words(catalogue, ZoneInfo("Europe/Kyiv")) for name, catalogue in read_catalogues().items()}


class CountedLive(HandMadeLive):
    """Counts how often it was looked at."""

    looks = 0

    def snapshot(self) -> Snapshot:
        """One look more."""
        self.looks += 1
        return super().snapshot()


class Noting:
    """A reader that notes the moments it was told of."""

    def __init__(self, *, clumsy: bool = False) -> None:
        self.told: list[Moment] = []
        self._clumsy = clumsy

    def show(self, moment: Moment) -> None:
        """Note it."""
        if self._clumsy:
            raise RuntimeError("as the test wants it")
        self.told.append(moment)


def test_one_look_serves_all_readers_and_one_scene_all_of_a_language() -> None:
    live = CountedLive(town())
    pulse = Pulse(live, WORDS)
    readers = [Noting() for _ in range(5)]
    pulse.readers.update(readers)
    pulse.beat()
    assert live.looks == 1
    assert len({id(reader.told[0].scenes["uk"]) for reader in readers}) == 1
    assert readers[0].told[0].scenes["en"].clock == "14:32:07"


def test_a_reader_that_fails_does_not_keep_others_from_being_told() -> None:
    pulse = Pulse(HandMadeLive(town()), WORDS)
    good = Noting()
    pulse.readers.update([Noting(clumsy=True), good, Noting(clumsy=True)])
    pulse.beat()
    assert len(good.told) == 1


def test_a_quiet_towns_clock_goes_on() -> None:
    class Quiet(HandMadeLive):
        def now_s(self) -> float:
            return START_S + 40

    moment = Pulse(Quiet(town()), WORDS).look()
    assert moment.scenes["en"].clock == "14:32:47"


def test_the_plan_is_drawn_again_only_for_another_timetable() -> None:
    live = HandMadeLive(town())
    pulse = Pulse(live, WORDS)
    first = pulse.look().plan
    live.tell(town(START_S + 60))
    assert pulse.look().plan is first
    live.tell(replace(town(), shapes=town().shapes[:1]))
    assert pulse.look().plan is not first


async def test_nobody_waits_for_the_first_beat_and_the_timer_ends_with_the_application(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(beating, "BEAT_S", 0.02)
    live = CountedLive(town())
    pulse = Pulse(live, WORDS)
    reader = Noting()
    async with pulse.running():
        await until(lambda: live.looks == 1)
        await asyncio.sleep(0.1)
        assert live.looks == 1  # nobody reads: looked once, then seldom
        pulse.join(reader)
        await until(lambda: len(reader.told) >= 4)
        pulse.leave(reader)
        told = len(reader.told)
        await asyncio.sleep(0.1)
        assert len(reader.told) == told
    assert [task for task in asyncio.all_tasks() if task.get_name() == "page pulse"] == []
