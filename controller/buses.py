"""The controller's own buses: their nodes speak to the ingest as if over MQTT, their devices fill the store of samples.

Never knows a register or an envelope's inside.
Specification: README.md here, "Buses".
"""

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any

import structlog
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from controller.config import BusConfig, ConfigError
from controller.devices.device import Device, Sample
from controller.devices.template import QUALITIES, TemplateError, load
from controller.services.alarms_watch import BusState
from controller.services.live import DeviceView, PointView
from controller.store.samples import SampleStore
from controller.store.writing import WriterThread
from controller.transports.mailbox import Mailbox
from controller.transports.modbus import ModbusLink, tls_context
from controller.transports.modbus_bus import Bus, Link
from controller.transports.modbus_unit import Conversation, Unit
from protocols.wire import topics

FLUSH_S = 1.0
MAX_WAITING = 200_000  # samples that wait for a database that does not write

log = structlog.get_logger("buses")


@dataclass(frozen=True, slots=True)
class UnitView:
    """One unit as its bus sees it. `schedule_kept_pct`: polls that were answered before the next one was due."""

    unit: int
    kind: str
    name: str
    answering: bool
    requests: int
    answers: int
    timeouts: int
    garbled: int
    exceptions: int
    schedule_kept_pct: float | None
    answer_ms_p50: float | None
    answer_ms_p95: float | None


@dataclass(frozen=True, slots=True)
class BusView:
    """One bus."""

    name: str
    transport: str
    address: str
    connected: bool
    units: tuple[UnitView, ...]


class _Node:
    """A unit that is a node: its envelopes go to the ingest, and it is offline when it is silent."""

    def __init__(self, buses: "Buses", period_s: float) -> None:
        self.mailbox = Mailbox(period_s, self._introduced, self._arrived, self._lost)
        self._buses = buses
        self.node = b""
        self._will = b""

    @property
    def name(self) -> str:
        return topics.node_name(self.node) if self.node else ""

    def _introduced(self, node: bytes, will: bytes, online: bytes) -> None:
        self.node, self._will = node, will
        self._buses.mailboxes[node] = self.mailbox
        self._buses.receive(self._topic("state"), online)
        self.mailbox.open(True)

    def _arrived(self, envelope: bytes) -> None:
        self._buses.receive(self._topic("up"), envelope)
        self.mailbox.taken()

    def _lost(self) -> None:
        self._buses.mailboxes.pop(self.node, None)
        self._buses.receive(self._topic("state"), self._will)

    def _topic(self, leaf: str) -> str:
        return topics.topic(self._buses.site_of(self.node), self.node, leaf)


def _real_link(config: BusConfig) -> Link:
    return ModbusLink(config, tls_context(config))


class Buses:
    """All of them. `receive` is the ingest's, `site_of` the registry's. Raises ConfigError."""

    def __init__(
        self,
        configs: Iterable[BusConfig],
        site_of: Callable[[bytes], str],
        receive: Callable[[str, bytes], None],
        samples: SampleStore,
        writer: WriterThread,
        now_ms: Callable[[], int],
        link_of: Callable[[BusConfig], Link] = _real_link,
    ) -> None:
        self.site_of = site_of
        self.receive = receive
        self.samples = samples
        self.mailboxes: dict[bytes, Mailbox] = {}
        self._writer = writer
        self._now_ms = now_ms
        self._link_of = link_of
        self._waiting: list[Sample] = []
        self._speakers: dict[tuple[str, int], _Node | Device] = {}  # by bus and unit
        self._buses = [(one, self._make_bus(one)) for one in configs]
        self._refuse_namesakes()

    def _make_bus(self, config: BusConfig) -> Bus:
        conversations: dict[int, Conversation] = {}
        for unit in config.nodes:
            node = self._speakers[config.name, unit] = _Node(self, config.poll_s)
            conversations[unit] = node.mailbox
        for one in config.device:
            try:
                device = Device(one, load(one.template), self._now_ms, self._waiting.extend)
            except TemplateError as error:
                raise ConfigError(f"bus {config.name!r}, device {one.name!r}: {error}") from None
            conversations[one.unit] = self._speakers[config.name, one.unit] = device
        return Bus(config.name, self._link_of(config), config.timeout_s, conversations)

    def _refuse_namesakes(self) -> None:
        for what, names in (
            ("buses", [one.name for one, _ in self._buses]),
            ("devices", self.device_names()),
        ):
            for name in names:
                if names.count(name) > 1:
                    raise ConfigError(f"Two {what} are named {name!r}: give each its own name.")

    def jobs(self) -> Iterable[Coroutine[Any, Any, None]]:
        """What has to run, each to be owned by the caller's task group."""
        return (*(bus.run() for _, bus in self._buses), self._flush())

    def publish_or(self, elsewhere: Callable[[str, bytes], bool]) -> Callable[[str, bytes], bool]:
        """A way out: to the nodes on our buses by themselves, to all others by `elsewhere`."""

        def publish(topic: str, data: bytes) -> bool:
            mailbox = self.mailboxes.get(topics.parse_topic(topic)[1])
            return elsewhere(topic, data) if mailbox is None else mailbox.send(data)

        return publish

    def bus_of(self, node: bytes) -> str:
        """The bus that a node was heard on; empty for one that is on none of ours."""
        heard = (bus for (bus, _), one in self._speakers.items() if isinstance(one, _Node) and one.node == node)
        return next(heard, "")

    async def _flush(self) -> None:
        """Samples go into the database once a second, all in one commit."""
        while True:
            await asyncio.sleep(FLUSH_S)
            if not self._waiting:
                continue
            samples = self._waiting.copy()
            try:
                await self._writer.run(self.samples.add, samples)
            except sqlite3.Error as error:
                log.error("samples cannot be stored, they wait", error=str(error), waiting=len(self._waiting))
                del self._waiting[:-MAX_WAITING]
            else:
                del self._waiting[: len(samples)]

    def views(self) -> tuple[BusView, ...]:
        """All buses with their statistics."""
        return tuple(
            BusView(
                one.name, one.transport, one.address, bus.connected, tuple(self._unit_view(one, u) for u in bus.units)
            )
            for one, bus in self._buses
        )

    def _unit_view(self, config: BusConfig, unit: Unit) -> UnitView:
        speaker = self._speakers[config.name, unit.address]
        polls = unit.kept + unit.missed
        return UnitView(
            unit=unit.address,
            kind="device" if isinstance(speaker, Device) else "node",
            name=speaker.name,
            answering=unit.is_heard,
            requests=unit.requests,
            answers=unit.answers,
            timeouts=unit.timeouts,
            garbled=unit.garbled,
            exceptions=unit.exceptions,
            schedule_kept_pct=round(100 * unit.kept / polls, 2) if polls else None,
            answer_ms_p50=_ms(unit.percentile_s(0.5)),
            answer_ms_p95=_ms(unit.percentile_s(0.95)),
        )

    def states(self) -> Iterable[BusState]:
        """Every bus: whether anybody on it is heard, and who is on it."""
        for config, bus in self._buses:
            is_heard = bus.connected and any(unit.is_heard for unit in bus.units)
            speakers = (self._speakers[config.name, unit.address].name for unit in bus.units)
            yield BusState(config.name, is_heard, frozenset(name for name in speakers if name))

    def device_names(self) -> list[str]:
        """What the devices are called."""
        return [one.name for one in self._speakers.values() if isinstance(one, Device)]

    def devices(self) -> tuple[DeviceView, ...]:
        """All devices with their last samples."""
        heard = {(one.name, unit.address): unit.is_heard for one, bus in self._buses for unit in bus.units}
        return tuple(
            DeviceView(
                name=device.name,
                template=device.template.name,
                bus=bus,
                unit=unit,
                online=heard.get((bus, unit), False),
                alarms=device.alarms,
                points=tuple(_points(device)),
            )
            for (bus, unit), device in self._speakers.items()
            if isinstance(device, Device)
        )

    def collect(self) -> Iterable[Metric]:
        """The statistics for Prometheus: this is a collector."""
        connected = GaugeMetricFamily("vuzol_bus_connected", "1 while the bus is connected", labels=["bus"])
        labels = ["bus", "unit"]
        counters = {
            name: CounterMetricFamily(f"vuzol_bus_{name}", text, labels=labels)
            for name, text in (
                ("requests", "Requests to a unit"),
                ("answers", "Answers of a unit"),
                ("timeouts", "Requests without an answer"),
                ("garbled", "Answers damaged on the way: wrong CRC, half a frame"),
                ("exceptions", "Answers that were exceptions"),
                ("polls_kept", "Polls answered before the next was due"),
                ("polls_missed", "Polls that were not"),
            )
        }
        seconds = GaugeMetricFamily("vuzol_bus_answer_seconds", "Answer times", labels=[*labels, "quantile"])
        for config, bus in self._buses:
            connected.add_metric([config.name], bus.connected)
            for unit in bus.units:
                of = [config.name, str(unit.address)]
                for name, family in counters.items():
                    family.add_metric(of, getattr(unit, name.removeprefix("polls_")))
                for quantile in (0.5, 0.95):
                    answer_s = unit.percentile_s(quantile)
                    if answer_s is not None:
                        seconds.add_metric([*of, str(quantile)], answer_s)
        return (connected, *counters.values(), seconds)


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)


def _points(device: Device) -> Iterable[PointView]:
    for point in device.template.points:
        sample = device.last.get(point.name)
        if sample is not None:
            quality = QUALITIES[sample.quality]
            yield PointView(point.name, point.unit, point.role, sample.value, quality, sample.time_ms / 1000)
