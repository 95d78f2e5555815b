"""Devices of others that push: who is registered, what they say into the store of samples, each sample once.

Never believes a time from the future, and never changes a sample: what comes again with another value is refused.
Specification: controller/README.md, "Push"; migrations/0010_buildings.sql.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from controller.devices.device import Sample
from controller.devices.template import GOOD, INVALID, QUALITIES
from controller.services.live import DeviceView, PointView
from controller.store.samples import CONFLICT, STORED, PushedDevice, SampleStore
from controller.store.writing import WriterThread

AHEAD_MS = 600_000  # that a device's clock may be before ours
MISSED_AFTER = 3  # times the period that it speaks in
MAX_SEQUENCE = (1 << 53) - 1  # what JSON carries without loss
MAX_CHANNELS = 200
MAX_NAME = 100
MAX_PERIOD_S = 31 * 86_400
BUS = "push"


@dataclass(frozen=True, slots=True)
class PushedSample:
    """One value. `time` is ISO 8601 with an offset; `sequence` tells two of one millisecond apart."""

    device: str
    channel: str
    time: str
    value: float | None
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class RefusedItem:
    """Why an item was not taken; `index` counts them from 0, `reason` is a word for programs."""

    index: int
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class PushReport:
    """`stored` + `already_stored` + the refused ones are all that came."""

    stored: int
    already_stored: int
    refused: tuple[RefusedItem, ...]


class PushRefused(Exception):
    """The device cannot be registered, the item not taken: one sentence, and `reason` as in RefusedItem."""

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


class Pushing:
    """`taken()` are the names that devices on our own buses have."""

    def __init__(self, samples: SampleStore, writer: WriterThread, now_ms: Callable[[], int]) -> None:
        self.taken: Callable[[], Iterable[str]] = tuple
        self._samples = samples
        self._writer = writer
        self._now_ms = now_ms
        self._devices = {one.name: one for one in samples.registered()}
        self._last: dict[tuple[str, str], Sample] = {}
        for one in self._devices.values():
            for channel in one.channels:
                if row := samples.latest(one.name, channel):
                    self._last[one.name, channel] = Sample(one.name, channel, row.time_ms, row.value, row.quality)

    def registered(self) -> list[PushedDevice]:
        """All of them."""
        return list(self._devices.values())

    async def register(self, device: PushedDevice, actor: str) -> None:
        """From now on it may push. Raises PushRefused."""
        names = (device.name, *device.channels)
        if not all(name.strip() == name and 0 < len(name) <= MAX_NAME for name in names):
            raise PushRefused("name", f"a name has 1 to {MAX_NAME} letters and no space around it: correct it")
        if not 1 <= len(device.channels) <= MAX_CHANNELS:
            raise PushRefused("channels", f"a device has 1 to {MAX_CHANNELS} channels: name them with their units")
        if not 1 <= device.speaks_s <= MAX_PERIOD_S:
            raise PushRefused("speaks_s", f"speaks_s has to be from 1 to {MAX_PERIOD_S}: say how often it speaks")
        if device.name in self.taken():
            raise PushRefused("name", f"{device.name!r} is on one of our buses: give this device another name")
        known = self._devices.get(device.name)
        for channel, unit in known.channels.items() if known else ():
            if device.channels.get(channel, unit) != unit:
                raise PushRefused("unit", f"channel {channel!r} is stored in {unit!r}: add a channel for another unit")
        await self._writer.run(self._samples.register, device, self._now_ms() // 1000, actor)
        channels = {**(known.channels if known else {}), **device.channels}
        self._devices[device.name] = device._replace(channels=channels)

    async def take(self, items: Sequence[PushedSample]) -> PushReport:
        """Store what can be stored. Raises sqlite3.Error, and then nothing was."""
        refused: list[RefusedItem] = []
        samples: list[tuple[Sample, int]] = []
        places: list[int] = []
        for index, item in enumerate(items):
            try:
                samples.append((self._sample(item), item.sequence))
                places.append(index)
            except PushRefused as error:
                refused.append(RefusedItem(index, error.reason, str(error)))
        became = await self._writer.run(self._samples.push, samples) if samples else []
        for index, what in zip(places, became, strict=True):
            if what == CONFLICT:
                sentence = "another value is stored for this channel, time and sequence: count the sequence on"
                refused.append(RefusedItem(index, CONFLICT, sentence))
        for (sample, _), what in zip(samples, became, strict=True):
            last = self._last.get((sample.device, sample.point))
            if what == STORED and (last is None or last.time_ms <= sample.time_ms):
                self._last[sample.device, sample.point] = sample
        counts = Counter(became)
        stored = counts[STORED]
        return PushReport(stored, len(items) - stored - len(refused), tuple(sorted(refused, key=lambda one: one.index)))

    def _sample(self, item: PushedSample) -> Sample:
        device = self._devices.get(item.device)
        if device is None:
            raise PushRefused("unknown_device", f"{item.device!r} is not registered: register it first")
        if item.channel not in device.channels:
            raise PushRefused("unknown_channel", f"{item.device!r} has no channel {item.channel!r}: register it first")
        try:
            told = datetime.fromisoformat(item.time)
        except ValueError:
            told = None
        if told is None or told.tzinfo is None:
            raise PushRefused("time", f"{item.time!r} is no time with an offset: write 2026-11-21T06:00:00.250Z")
        time_ms = round(told.timestamp() * 1000)
        if not 0 < time_ms <= self._now_ms() + AHEAD_MS:
            raise PushRefused("time", f"{item.time} has not come yet: set the device's clock")
        if not 0 <= item.sequence <= MAX_SEQUENCE:
            raise PushRefused("sequence", f"the sequence has to be from 0 to {MAX_SEQUENCE}")
        if item.value is not None and not math.isfinite(item.value):
            raise PushRefused("value", "a value is a finite number, or null where the device has none")
        return Sample(item.device, item.channel, time_ms, item.value, INVALID if item.value is None else GOOD)

    def devices(self) -> tuple[DeviceView, ...]:
        """For the page: one that was silent for too long is offline."""
        return tuple(map(self._view, self._devices.values()))

    def _view(self, device: PushedDevice) -> DeviceView:
        found = [(unit, self._last.get((device.name, name))) for name, unit in device.channels.items()]
        heard_ms = max((last.time_ms for _, last in found if last), default=0)
        return DeviceView(
            name=device.name,
            template=device.kind,
            bus=BUS,
            unit=0,
            online=self._now_ms() - heard_ms <= MISSED_AFTER * device.speaks_s * 1000,
            alarms=(),
            points=tuple(
                PointView(last.point, unit, "value", last.value, QUALITIES[last.quality], last.time_ms / 1000)
                for unit, last in found
                if last
            ),
        )
