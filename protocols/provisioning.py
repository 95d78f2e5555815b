"""What a node is given and what the controller knows of it: the two files that carry keys.

Performs no I/O: callers read and write the files, mode 0600. Host only; the device reads its settings by itself.
Specification: protocols/README.md, "Provisioning".
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from protocols.wire import topics
from protocols.wire.errors import EncodeError, MalformedFrame
from protocols.wire.node_kinds import NODE_KINDS

SETTINGS_VERSION = 1
REGISTRY_VERSION = 1
KEY_SIZE = 32


class RegistryError(Exception):
    """A registry that cannot be used; the text names the entry and what to do."""


@dataclass(frozen=True, slots=True)
class NodeEntry:
    """One node as the controller knows it. `node` is 8 bytes, `key` 32 bytes.

    A validator stands in a vehicle (`vehicle_id` as in the roster, `vehicle` its number on the wire), a display at a
    GTFS stop.
    """

    node: bytes
    key: bytes
    site: str
    kind: str
    name: str
    vehicle_id: str = ""
    vehicle: int = 0
    stop_id: str = ""
    width: int = 0
    height: int = 0

    def __repr__(self) -> str:  # a key must not reach a log by way of a repr
        return f"NodeEntry({topics.node_name(self.node)}, {self.kind}, {self.name!r})"


def settings_dict(
    entry: NodeEntry, *, language: str, uplink: Mapping[str, Any], config: Mapping[str, Any]
) -> dict[str, Any]:
    """The node's settings, with its key: never log them."""
    return {
        "version": SETTINGS_VERSION,
        "node": topics.node_name(entry.node),
        "key": entry.key.hex(),
        "site": entry.site,
        "kind": entry.kind,
        "language": language,
        "uplink": dict(uplink),
        "config": dict(config),
    }


def registry_text(entries: Iterable[NodeEntry]) -> str:
    """The registry file, with every key: never log it."""
    rows = [asdict(entry) | {"node": topics.node_name(entry.node), "key": entry.key.hex()} for entry in entries]
    return json.dumps({"version": REGISTRY_VERSION, "nodes": rows}, ensure_ascii=False, indent=1)


def _entry(row: object, where: str) -> NodeEntry:
    if not isinstance(row, dict):
        raise RegistryError(f"{where} must be an object")
    known = {field.name: field for field in fields(NodeEntry)}
    if unknown := sorted(set(row) - set(known)):
        raise RegistryError(f"{where} has unknown fields: {', '.join(unknown)}")
    if missing := sorted({"node", "key", "site", "kind", "name"} - set(row)):
        raise RegistryError(f"{where} lacks {', '.join(missing)}")
    for name, value in row.items():
        expected = int if known[name].type is int else str
        if not isinstance(value, expected) or isinstance(value, bool):
            raise RegistryError(f"{where}: {name} must be {'a number' if expected is int else 'text'}")
    try:
        node = topics.node_id(row["node"])
        key = bytes.fromhex(row["key"])
        topics.topic(row["site"], node, "up")
    except (MalformedFrame, EncodeError, ValueError):
        raise RegistryError(f"{where}: node is 16 and key 64 hexadecimal digits, site is a-z, 0-9, -") from None
    if len(key) != KEY_SIZE:
        raise RegistryError(f"{where}: key is {KEY_SIZE * 2} hexadecimal digits")
    if row["kind"] not in {kind for _, kind, _, _ in NODE_KINDS}:
        raise RegistryError(f"{where}: no node kind {row['kind']!r}")
    return NodeEntry(**{**row, "node": node, "key": key})


def read_registry(text: str) -> tuple[NodeEntry, ...]:
    """The registry's nodes. Raises RegistryError, naming the entry."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise RegistryError(f"not JSON: {error}") from None
    if not isinstance(document, dict) or document.get("version") != REGISTRY_VERSION:
        raise RegistryError(f"a registry begins with {{'version': {REGISTRY_VERSION}, 'nodes': [...]}}")
    rows = document.get("nodes")
    if not isinstance(rows, list):
        raise RegistryError("'nodes' must be a list")
    entries = tuple(_entry(row, f"node {number}") for number, row in enumerate(rows, 1))
    seen: set[bytes] = set()
    for entry in entries:
        if entry.node in seen:
            raise RegistryError(f"node {topics.node_name(entry.node)} stands twice")
        seen.add(entry.node)
    return entries
