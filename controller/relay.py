"""The relay: Modbus buses on one side, MQTT on the other, and envelopes that pass between them unopened.

Never keeps anything: a record is its node's until the controller's receipt, so a killed relay has lost nothing.
Specification: protocol.md, "Transports"; every key stands in relay.example.toml beside this file.
"""

import asyncio
import contextlib
import signal
import sys
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import structlog

from controller import notify
from controller.config import BrokerConfig, BusConfig, ConfigError, LogConfig, load_as
from controller.log import set_up_log
from controller.transports.mailbox import Mailbox
from controller.transports.modbus import ModbusLink, tls_context
from controller.transports.modbus_bus import Bus
from controller.transports.mqtt import Access, read_access
from controller.transports.mqtt_node import NodeLink
from protocols.wire import topics
from protocols.wire.errors import EncodeError

WRONG_USE = 2
REPORT_S = 60.0
COUNTED = ("requests", "answers", "timeouts", "garbled", "exceptions")

log = structlog.get_logger("relay")


@dataclass(frozen=True, slots=True)
class RelaySiteConfig:
    """Which site the nodes belong to."""

    name: str = "demo"


@dataclass(frozen=True, slots=True)
class RelayConfig:
    """Everything a relay is told."""

    site: RelaySiteConfig = field(default_factory=RelaySiteConfig)
    mqtt: BrokerConfig = field(default_factory=BrokerConfig)
    log: LogConfig = field(default_factory=LogConfig)
    bus: tuple[BusConfig, ...] = ()

    def __post_init__(self) -> None:
        if not any(one.nodes for one in self.bus):
            raise ConfigError("No [[bus]] has nodes: write its units as nodes = [1, 2, 3].")
        for one in self.bus:
            if one.device:
                raise ConfigError(f"bus {one.name!r} has devices: a relay carries nodes; give it to a controller.")
        try:
            topics.topic(self.site.name, bytes(8), "up")
        except EncodeError:
            raise ConfigError(f"site.name must be of a-z, 0-9 and -, not {self.site.name!r}: correct it.") from None


class Tell(Protocol):
    """Say a text of the catalogue to people."""

    def __call__(self, key: str, **values: object) -> None: ...


class RelayedNode:
    """One unit: its mailbox on the bus, its connection to the broker."""

    def __init__(self, config: RelayConfig, access: Access, bus: BusConfig, unit: int, tell: Tell) -> None:
        self.mailbox = Mailbox(bus.poll_s, self._introduced, self._arrived, self._lost)
        self.link = NodeLink(
            config.mqtt, access, config.site.name, self.mailbox.open, self.mailbox.send, self.mailbox.taken
        )
        self._bus = bus.name
        self._unit = unit
        self._tell = tell
        self._node = b""

    def _introduced(self, node: bytes, will: bytes, online: bytes) -> None:
        self._node = node
        self._tell("relay_node", bus=self._bus, unit=self._unit, node=topics.node_name(node))
        self.link.introduce(node, will, online)

    def _arrived(self, envelope: bytes) -> None:
        self.link.publish(envelope)

    def _lost(self) -> None:
        self._tell("relay_silent", bus=self._bus, unit=self._unit, node=topics.node_name(self._node))
        self.link.dismiss()


def main(config_path: Path, tell: Tell) -> int:
    """Relay until SIGTERM or SIGINT; the exit status. What is missing is told in one sentence."""
    try:
        config = load_as(RelayConfig, config_path)
        set_up_log(config.log)
        asyncio.run(run(config, tell))
    except ConfigError as error:
        sys.stderr.write(f"vuzol: {error}\n")
        return WRONG_USE
    return 0


async def run(config: RelayConfig, tell: Tell, stop: asyncio.Event | None = None) -> None:
    """Relay until `stop` is set or a signal comes. Raises ConfigError."""
    stop = stop or asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(RuntimeError, ValueError):  # not in the main thread: the caller sets `stop`
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    access = read_access(config.mqtt)
    buses: list[Bus] = []
    jobs: list[Coroutine[Any, Any, None]] = [_report(buses), notify.keep_fed()]
    for one in config.bus:
        nodes = {unit: RelayedNode(config, access, one, unit, tell) for unit in one.nodes}
        mailboxes = {unit: node.mailbox for unit, node in nodes.items()}
        bus = Bus(one.name, ModbusLink(one, tls_context(one)), one.timeout_s, mailboxes)
        buses.append(bus)
        jobs += [bus.run(), *(node.link.run() for node in nodes.values())]
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(job) for job in jobs]
        units = sum(len(one.nodes) for one in config.bus)
        tell("relay_ready", buses=len(config.bus), units=units, broker=f"{config.mqtt.host}:{config.mqtt.port}")
        notify.tell("READY=1")
        await stop.wait()
        notify.tell("STOPPING=1")
        for task in running:
            task.cancel()


async def _report(buses: Sequence[Bus]) -> None:
    """How the buses do, in the log."""
    while True:
        await asyncio.sleep(REPORT_S)
        for bus in buses:
            sums = {name: sum(getattr(unit, name) for unit in bus.units) for name in COUNTED}
            silent = [unit.address for unit in bus.units if not unit.is_heard]
            log.info("bus", bus=bus.name, connected=bus.connected, silent=silent, **sums)
