"""Watches the registry and the certificates: a change holds within seconds, in the town and at the embedded broker.

Never disconnects who is still welcome, and never takes anything over while one of the files is broken.
Specification: README.md beside this file, "Broker".
"""

import asyncio
import json
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import structlog

from controller.config import Config, ConfigError
from controller.registry import load_registry
from controller.secret_files import SecretFault
from controller.transports.broker import Broker
from controller.transports.broker_access import guests, nats_authorization
from protocols.provisioning import NodeEntry

LOOK_S = 2.0

log = structlog.get_logger("registry")


class Doorkeeper:
    """`run` belongs to the process's task group."""

    def __init__(self, config: Config, password: str) -> None:
        self._config = config
        self._password = password
        mqtt = config.mqtt
        named = [config.nodes.registry, config.nodes.master_key, mqtt.certificates]
        named += [mqtt.ca_file, mqtt.server_cert, mqtt.server_key, *(one.password_file for one in config.relay)]
        self._files = [Path(name) for name in named if name]
        self._seen = self._marks()

    def read(self) -> tuple[tuple[NodeEntry, ...], str]:
        """The nodes, and the embedded broker's list of guests, as the files say now. Raises ConfigError."""
        config = self._config
        entries = load_registry(Path(config.nodes.registry), Path(config.nodes.master_key))
        if not (config.mqtt.embedded and config.mqtt.acl):
            return entries, ""
        try:
            return entries, nats_authorization(guests(entries, config.relay, self._password), self._certificates())
        except SecretFault as fault:
            raise ConfigError(str(fault)) from None

    def _certificates(self) -> dict[str, str] | None:
        """serial -> name of those that are good; None: guests have passwords."""
        path = self._config.mqtt.certificates
        if not path:
            return None
        try:
            rows = json.loads(Path(path).read_text(encoding="utf-8"))
            return {str(row["serial"]): str(row["name"]) for row in rows if not row["revoked_s"]}
        except (OSError, ValueError, TypeError, KeyError):
            raise ConfigError(f"mqtt.certificates {path} cannot be read: copy issued.json of vuzol ca there.") from None

    async def run(self, learn: Callable[[Sequence[NodeEntry]], Awaitable[None]], broker: Broker | None) -> None:
        """Look at the files for ever; the town learns of a node before the broker lets it in."""
        while True:
            await asyncio.sleep(LOOK_S)
            marks = self._marks()
            if marks == self._seen:
                continue
            try:
                entries, authorization = await asyncio.to_thread(self.read)
                await learn(entries)
                if broker:
                    broker.admit(authorization)
            except ConfigError as error:
                log.error("all nodes and certificates stay as they were", error=str(error))
            except (sqlite3.Error, OSError) as error:
                log.error("new nodes and certificates cannot be taken over yet", error=str(error))
                continue
            self._seen = marks

    def _marks(self) -> list[tuple[int, int] | None]:
        return [_mark(file) for file in self._files]


def _mark(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino
