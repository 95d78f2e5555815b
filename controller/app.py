"""The composition root: puts the controller together, owns its tasks, starts and stops it in order.

Never contains logic: what happens is in the modules it joins.
Specification: README.md beside this file; architecture.md, "One picture".
"""

import asyncio
import contextlib
import json
import os
import resource
import secrets
import signal
import socket
import sqlite3
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import structlog
import uvicorn
from starlette.types import ASGIApp

from controller import config as configuration
from controller import https, notify
from controller.access.access import Access
from controller.access.audit import Note
from controller.access.events import guard_sockets
from controller.access.guard import Guard
from controller.access.table import ACTIONS
from controller.buses import Buses
from controller.certificates import expiries
from controller.config import Config, ConfigError, HttpConfig
from controller.console import make_desk
from controller.doorkeeper import Doorkeeper
from controller.http import Behind, make_app
from controller.http_alarms import add_alarms
from controller.http_buses import add_buses
from controller.http_commissioning import add_commissioning
from controller.http_jobs import add_jobs
from controller.http_ledger import Books
from controller.log import set_up_log
from controller.metrics import Metrics
from controller.services.alarms_proof import commissioned
from controller.services.commissioning import Commissionings
from controller.services.feed import FeedRefused
from controller.services.retention import Retention
from controller.services.sent_jobs import SentJobs
from controller.store import StoreError
from controller.store.commissioning import CommissioningTable
from controller.store.sent_jobs import SentJobTable
from controller.store.sqlite import SqliteStore
from controller.store.writing import WriterThread
from controller.town import Town
from controller.transports.broker import Broker, BrokerError
from controller.transports.mqtt import MqttLink, embedded_access, read_access
from controller.web.mount import mount
from protocols.wire import topics
from protocols.wire.messages.index import KINDS

WRONG_USE = 2
READY_S = 20.0
READY_CHECK_S = 0.02
GRACEFUL_S = 1  # for open pages when the server stops
MAX_SOCKET_BYTES = 1 << 20  # of a page's message

log = structlog.get_logger("controller")


class PortTaken(Exception):
    """The HTTP port cannot be listened on; the text is one sentence that says what to do."""


def main(config_path: Path) -> int:
    """Run the controller until SIGTERM or SIGINT; the exit status. What is missing is told in one sentence."""
    try:
        config = configuration.load(config_path)
        set_up_log(config.log)
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))  # each bus on TCP is one
        asyncio.run(run(config))
    except (ConfigError, BrokerError, StoreError, FeedRefused, PortTaken) as error:
        sys.stderr.write(f"vuzol: {error}\n")
        return WRONG_USE
    except sqlite3.DatabaseError as error:
        told = f"The database {config.store.path} cannot be read ({error}): type vuzol doctor, then vuzol restore."
        sys.stderr.write(f"vuzol: {told}\n")
        return WRONG_USE
    return 0


async def run(config: Config, stop: asyncio.Event | None = None) -> None:
    """Run until `stop` is set or a signal comes. Raises what `main` tells in one sentence."""
    stop = stop or asyncio.Event()
    _stop_on_signals(stop)
    password = secrets.token_hex(16)  # ours at the embedded broker, until it ends with us
    doorkeeper = Doorkeeper(config, password)
    entries, authorization = await asyncio.to_thread(doorkeeper.read)
    secure = https.server_context(config.http)
    data = _make_data_folder(config)
    ready = data / "ready.json"
    async with contextlib.AsyncExitStack() as closing:
        door = closing.enter_context(contextlib.closing(_listen(config.http)))
        store = closing.enter_context(contextlib.closing(SqliteStore.open(Path(config.store.path))))
        writer = closing.enter_context(contextlib.closing(WriterThread()))
        broker = await closing.enter_async_context(_broker(config, data, authorization))
        access = embedded_access(config.mqtt, password) if broker else read_access(config.mqtt)
        gate = closing.enter_context(contextlib.closing(_gate(config, writer)))
        metrics = Metrics(dict(KINDS))
        town = Town(config, entries, store, writer, metrics, _now_ms)
        await town.feeds.load(config.transit.feed)
        port = broker.port if broker else config.mqtt.port
        link = MqttLink(
            config.mqtt,
            port,
            access,
            f"vuzol-{config.site.name}",
            (topics.ALL_STATE, topics.ALL_UP),
            town.ingest.receive,
            metrics,
        )
        buses = Buses(config.bus, town.site_of, town.ingest.receive, store.samples, writer, _now_ms)
        metrics.registry.register(buses)
        town.publish = buses.publish_or(link.publish)
        town.devices = buses.devices
        town.bus_of = buses.bus_of
        town.pushing.taken = buses.device_names
        town.alarms.sources.is_linked = lambda: link.connected
        town.alarms.sources.buses = buses.states
        town.alarms.sources.devices = buses.devices
        town.alarms.sources.certificates = lambda: expiries(config)
        town.alarms.people = lambda: [one.name for one in gate.people.all() if one.roles & ACTIONS["alarms.handle"]]
        app = make_app(
            Behind(
                town.live,
                Books(town.ledger, store, town.imports, lambda: town.timezone, config.http.max_upload_mb << 20),
                town.displays,
                town.feeds,
                town.documents,
                town.rollouts,
                town.air,
                town.meters,
                metrics,
                lambda: link.connected,
                lambda: not town.ingest.failing,
                gate,
                history=town.history,
                buildings=town.buildings,
                pushing=town.pushing,
                searches=town.searches,
            )
        )
        add_buses(app, buses, town.pushing)
        add_alarms(app, town.alarms)
        records = closing.enter_context(contextlib.closing(CommissioningTable(Path(config.store.path))))
        technicians = config.commissioning.technicians
        commissionings = Commissionings(records, writer, town.registry, technicians, town.alarms, town.now_s)
        add_commissioning(app, commissionings)
        town.alarms.proofs.elsewhere = commissioned(commissionings.of_node)
        sent = closing.enter_context(contextlib.closing(SentJobTable(Path(config.store.path))))
        add_jobs(app, SentJobs(sent, writer, technicians, config.commissioning.job_days, town.now_s))
        mount(app, town.live, make_desk(config.web, town, store, gate), timezone=town.timezone)
        guard_sockets()
        guarded: ASGIApp = Guard(app, gate, config.http.max_upload_mb << 20)
        server = uvicorn.Server(
            uvicorn.Config(
                https.insisting(guarded) if secure else guarded,
                log_config=None,
                access_log=False,
                lifespan="on",
                timeout_graceful_shutdown=GRACEFUL_S,
                ws_max_size=MAX_SOCKET_BYTES,
                ssl_context_factory=(lambda *_: secure) if secure else None,
            )
        )
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(server.serve(sockets=[door]))
            running = [tasks.create_task(job) for job in (*town.jobs(), link.run(), *buses.jobs(), *gate.jobs())]
            running.append(tasks.create_task(_retention(config, store, writer, town, gate).run()))
            if broker:
                running.append(tasks.create_task(broker.keep_running()))
            running.append(tasks.create_task(doorkeeper.run(town.learn, broker)))
            if secure:
                running.append(tasks.create_task(https.keep_fresh(secure, config.http)))
            await _until_served(server, link, embedded=broker is not None)
            running.append(tasks.create_task(notify.keep_fed()))
            notify.tell("READY=1")
            _tell_ready(ready, config, door.getsockname()[1], port)
            await stop.wait()
            log.info("stopping")
            notify.tell("STOPPING=1")
            ready.unlink()
            server.should_exit = True
            await serving
            for task in running:
                task.cancel()


def _make_data_folder(config: Config) -> Path:
    """The data folder, without the word "ready" of an earlier run. Raises ConfigError."""
    folder = Path(config.site.data)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "ready.json").unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError(f"site.data {folder} cannot be used ({error.strerror}): correct the path.") from None
    return folder


def _retention(config: Config, store: SqliteStore, writer: WriterThread, town: Town, gate: Access) -> Retention:
    async def note(gone: dict[str, int]) -> None:
        await gate.note(Note("vuzol", "local", "retention", "records", None, gone, "done"))

    return Retention(config.retention, store.retention, writer, lambda: town.timezone, town.now_s, note)


def _gate(config: Config, writer: WriterThread) -> Access:
    """Raises ConfigError."""
    try:
        gate = Access(config, writer, _now_ms)
    except OSError as error:
        raise ConfigError(f"access.syslog or site.data cannot be used ({error}): correct it.") from None
    if not config.access.open_as and not gate.people.all():
        log.warning("nobody can log in yet", type="vuzol user add NAME --role administrator --config FILE")
    return gate


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _stop_on_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(RuntimeError, ValueError):  # not in the main thread: the caller sets `stop`
            loop.add_signal_handler(number, stop.set)


def _listen(config: HttpConfig) -> socket.socket:
    """The HTTP socket, before anything else is started. Raises PortTaken."""
    door = socket.socket()
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        door.bind((config.host, config.port))
    except OSError as error:
        door.close()
        raise PortTaken(
            f"Port {config.port} of {config.host} cannot be listened on ({error.strerror}): change http.port."
        ) from None
    return door


@contextlib.asynccontextmanager
async def _broker(config: Config, data: Path, authorization: str) -> AsyncIterator[Broker | None]:
    """The embedded broker while it is wanted."""
    if not config.mqtt.embedded:
        yield None
        return
    broker = Broker(config.mqtt, data / "broker", authorization)
    await broker.start()
    try:
        yield broker
    finally:
        await broker.stop()


async def _until_served(server: uvicorn.Server, link: MqttLink, *, embedded: bool) -> None:
    """Until pages are served and, with our own broker, nodes are heard; a foreign broker may come later."""
    for _ in range(int(READY_S / READY_CHECK_S)):
        if server.started and (link.connected or not embedded):
            return
        await asyncio.sleep(READY_CHECK_S)


def _tell_ready(file: Path, config: Config, http_port: int, mqtt_port: int) -> None:
    """For scripts: a file that appears whole; for people: one line."""
    host = "127.0.0.1" if config.http.host == "0.0.0.0" else config.http.host
    url = f"{'https' if config.http.tls_cert else 'http'}://{host}:{http_port}"
    told = {"url": url, "http_port": http_port, "mqtt_port": mqtt_port, "pid": os.getpid()}
    if config.http.tls_cert:
        told["certificate"] = config.http.tls_cert
    part = file.with_suffix(".part")
    part.write_text(json.dumps(told) + "\n", encoding="utf-8")
    part.replace(file)
    sys.stdout.write(f"ready {url}\n")
    sys.stdout.flush()
