"""Give a node its identity: 8 bytes of id, a key of its own, its settings file and its line in the registry.

Never prints a key, and never leaves a file with one readable by others.
Specification: protocols/README.md, "Provisioning".
"""

import json
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from protocols.provisioning import KEY_SIZE, NodeEntry, settings_dict
from protocols.wire import topics
from protocols.wire.errors import EncodeError
from protocols.wire.node_kinds import NODE_KINDS
from tools.errors import DONE, UsageError
from tools.texts import say


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for a node, as typed; `parts` is a JSON file of what hangs on it."""

    site: str
    kind: str
    name: str
    mqtt: str
    modbus: str
    stop: str
    size: str
    vehicle: str
    number: int
    city_key: Path | None
    parts: Path | None = None
    journal_epoch: int = 0
    publishers: tuple[str, ...] = ()


def write_secret(path: Path, text: str) -> None:
    """Write `text` whole or not at all, readable by its owner alone."""
    draft = path.with_name(path.name + ".new")
    with suppress(FileNotFoundError):
        draft.unlink()
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def registered(path: Path) -> tuple[NodeEntry, ...]:
    from controller.admin.keys import MASTER_KEY, KeysError, read_nodes

    try:
        return read_nodes(path, path.with_name(MASTER_KEY))
    except KeysError as error:
        raise UsageError(str(error)) from None


def register(path: Path, entries: list[NodeEntry]) -> None:
    from controller.admin.keys import MASTER_KEY, KeysError, write_nodes

    try:
        write_nodes(path, path.with_name(MASTER_KEY), entries)
    except KeysError as error:
        raise UsageError(str(error)) from None


def _free_node_id(taken: tuple[NodeEntry, ...]) -> bytes:
    used = {entry.node for entry in taken}
    while (node := secrets.token_bytes(8)) in used:
        pass
    return node


def _address(text: str, option: str) -> dict[str, Any]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 1 <= int(port) <= 65535:
        raise UsageError(f"{option} {text!r} is not host:port; write for example 10.0.0.5:1883")
    return {"host": host.strip("[]"), "port": int(port)}


def _modbus(text: str) -> dict[str, Any]:
    """A slave's uplink of "rtu:UNIT[:BAUD[:PARITY]]" or "tcp:UNIT[:HOST:PORT]"."""
    line, _, rest = text.partition(":")
    unit, _, rest = rest.partition(":")
    if not unit.isdigit() or not 1 <= int(unit) <= 247 or line not in ("rtu", "tcp"):
        raise UsageError(f"--modbus {text!r} is not rtu:UNIT or tcp:UNIT with a unit of 1 to 247; write rtu:17")
    uplink: dict[str, Any] = {"transport": f"modbus_{line}", "unit": int(unit)}
    if line == "tcp":
        return uplink | ({"host": "0.0.0.0", "port": 502} | (_address(rest, "--modbus") if rest else {}))
    baud, _, parity = (rest or "115200").partition(":")
    parity = parity or "none"
    if not baud.isdigit() or not 1200 <= int(baud) <= 115_200 or parity not in ("none", "even", "odd"):
        raise UsageError(f"--modbus {text!r}: baud goes from 1200 to 115200, parity is none, even or odd")
    return uplink | {"baud": int(baud), "parity": parity}


def _panel(size: str) -> tuple[int, int]:
    width, _, height = size.partition("x")
    if not (width.isdigit() and height.isdigit()):
        raise UsageError(f"--size {size!r} is not WIDTHxHEIGHT; write for example 128x64")
    pixels = int(width), int(height)
    if not (64 <= pixels[0] <= 384 and 32 <= pixels[1] <= 64) or pixels[0] % 8 or pixels[1] % 8:
        raise UsageError("--size goes from 64x32 to 384x64 in steps of 8")
    return pixels


def _city_key(path: Path | None, *, dry_run: bool) -> bytes:
    """The city's card key; without one every validator of the city would make other tokens."""
    if path is None:
        raise UsageError("a validator needs --city-key FILE, the same file for every validator of the city")
    with suppress(FileNotFoundError):
        try:
            key = bytes.fromhex(path.read_text(encoding="ascii").strip())
        except ValueError:
            key = b""
        if len(key) != KEY_SIZE:
            raise UsageError(f"{path} must hold {KEY_SIZE * 2} hexadecimal digits")
        return key
    key = secrets.token_bytes(KEY_SIZE)
    if not dry_run:
        write_secret(path, key.hex() + "\n")
    return key


def _with_place(job: Wish, entry: NodeEntry, *, dry_run: bool) -> tuple[NodeEntry, dict[str, Any]]:
    """The entry with its place, and the node's configuration, by kind."""
    if job.kind == "fare_validator":
        if not job.vehicle or job.number < 1:
            raise UsageError("a validator needs --vehicle ID and --number N")
        key = _city_key(job.city_key, dry_run=dry_run)
        config = {"vehicle": job.number, "door": 1, "city_key": key.hex()}
        return replace(entry, vehicle_id=job.vehicle, vehicle=job.number), config
    if job.kind != "stop_display":
        return entry, {}
    if not job.stop:
        raise UsageError("a display needs --stop STOP_ID")
    width, height = _panel(job.size)
    config = {"width": width, "height": height, "stop_name": job.name}
    return replace(entry, stop_id=job.stop, width=width, height=height), config


def new_node(
    wish: Wish, there: tuple[NodeEntry, ...], language: str, *, dry_run: bool = False
) -> tuple[NodeEntry, dict[str, Any]]:
    """Its line in the registry and its settings, with a key of its own. Raises UsageError."""
    if wish.kind not in {kind for _, kind, _, _ in NODE_KINDS}:
        raise UsageError(f"no node kind {wish.kind!r}; there are {', '.join(kind for _, kind, _, _ in NODE_KINDS)}")
    entry = NodeEntry(_free_node_id(there), secrets.token_bytes(KEY_SIZE), wish.site, wish.kind, wish.name)
    try:
        topics.topic(entry.site, entry.node, "up")
    except EncodeError as error:
        raise UsageError(str(error)) from None
    entry, config = _with_place(wish, entry, dry_run=dry_run)
    uplink = _modbus(wish.modbus) if wish.modbus else {"transport": "mqtt"} | _address(wish.mqtt, "--mqtt")
    settings = settings_dict(
        entry,
        language=language,
        uplink=uplink,
        config=_parts(wish.parts) | config,
        journal_epoch=wish.journal_epoch,
        publishers=wish.publishers,
    )
    return entry, settings


def _parts(path: Path | None) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8")) if path else {}
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read as JSON ({error}): it holds the config of the node's kind") from None
    if not isinstance(found, dict):
        raise UsageError(f"{path} must hold an object: the config of the node's kind")
    return found


def run(wish: Wish, registry: Path, settings_file: Path, *, dry_run: bool, as_json: bool, language: str) -> int:
    """Write the node's settings and its registry line; prints what was done. Raises UsageError."""
    if settings_file.exists():
        raise UsageError(f"{settings_file} exists; move it away first, it may hold another node's key")
    there = registered(registry)
    entry, settings = new_node(wish, there, language, dry_run=dry_run)
    if not dry_run:
        try:
            register(registry, [*there, entry])
            write_secret(settings_file, json.dumps(settings, ensure_ascii=False, indent=1) + "\n")
        except OSError as error:
            raise UsageError(f"{error.filename} cannot be written: {error.strerror}") from None
    node = topics.node_name(entry.node)
    if as_json:
        print(json.dumps({"node": node, "kind": entry.kind, "settings": str(settings_file), "dry_run": dry_run}))
    else:
        key = "provision_dry_run" if dry_run else "provision_done"
        print(say(language, key, node=node, settings=settings_file, registry=registry))
    return DONE
