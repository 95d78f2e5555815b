"""The composition root: puts the controller together, owns its tasks, starts and stops it in order.

Never contains logic: what happens is in the modules it joins.
Specification: README.md beside this file; architecture.md, "One picture".
"""

import asyncio
import contextlib
import json
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import structlog
import uvicorn

from controller import config as configuration
from controller import notify
from controller.buses import Buses
from controller.config import Config, ConfigError, HttpConfig
from controller.http import Behind, make_app
from controller.http_buses import add_buses
from controller.http_ledger import Books
from controller.log import set_up_log
from controller.metrics import Metrics
from controller.registry import load_registry
from controller.services.feed import FeedRefused
from controller.services.history import History
from controller.store import StoreError
from controller.store.samples import SampleStore
from controller.store.sqlite import SqliteStore
from controller.store.writing import WriterThread
from controller.town import Town
from controller.transports.broker import Broker, BrokerError
from controller.transports.mqtt import MqttLink, read_access
from controller.web.mount import mount
from protocols.wire import topics
from protocols.wire.messages.index import KINDS

WRONG_USE = 2
READY_S = 20.0
READY_CHECK_S = 0.02
GRACEFUL_S = 1  # for open pages when the server stops

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
    return 0


async def run(config: Config, stop: asyncio.Event | None = None) -> None:
    """Run until `stop` is set or a signal comes. Raises what `main` tells in one sentence."""
    stop = stop or asyncio.Event()
    _stop_on_signals(stop)
    entries = load_registry(Path(config.nodes.registry))
    data = _make_data_folder(config)
    ready = data / "ready.json"
    async with contextlib.AsyncExitStack() as closing:
        door = closing.enter_context(contextlib.closing(_listen(config.http)))
        store = closing.enter_context(contextlib.closing(SqliteStore.open(Path(config.store.path))))
        writer = closing.enter_context(contextlib.closing(WriterThread()))
        broker = await closing.enter_async_context(_broker(config, data))
        access = read_access(config.mqtt)
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
        samples = closing.enter_context(contextlib.closing(SampleStore(Path(config.store.path))))
        buses = Buses(config.bus, town.site_of, town.ingest.receive, samples, writer, _now_ms)
        metrics.registry.register(buses)
        town.publish = buses.publish_or(link.publish)
        town.devices = lambda: (*buses.devices(), *town.meters.devices())
        app = make_app(
            Behind(
                town.live,
                Books(town.ledger, store, town.imports, lambda: town.timezone, config.http.max_upload_mb << 20),
                town.displays,
                town.feeds,
                town.documents,
                town.air,
                town.meters,
                metrics,
                lambda: link.connected,
                lambda: not town.ingest.failing,
            )
        )
        add_buses(app, buses)
        past = History(town.air, town.meters, store, town.now_s)
        mount(app, town.live, past=past, timezone=town.timezone)
        server = uvicorn.Server(
            uvicorn.Config(app, log_config=None, access_log=False, lifespan="on", timeout_graceful_shutdown=GRACEFUL_S)
        )
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(server.serve(sockets=[door]))
            running = [tasks.create_task(job) for job in (*town.jobs(), link.run(), *buses.jobs())]
            if broker:
                running.append(tasks.create_task(broker.keep_running()))
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
async def _broker(config: Config, data: Path) -> AsyncIterator[Broker | None]:
    """The embedded broker while it is wanted."""
    if not config.mqtt.embedded:
        yield None
        return
    broker = Broker(config.mqtt, data / "broker")
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
    url = f"http://{host}:{http_port}"
    told = {"url": url, "http_port": http_port, "mqtt_port": mqtt_port, "pid": os.getpid()}
    part = file.with_suffix(".part")
    part.write_text(json.dumps(told) + "\n", encoding="utf-8")
    part.replace(file)
    sys.stdout.write(f"ready {url}\n")
    sys.stdout.flush()
