"""What a node is given and what the controller knows of it: the two files that carry keys.

Performs no I/O: callers read and write the files, mode 0600. Host only; the device reads its settings by itself.
Specification: protocols/README.md, "Provisioning".
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from protocols import sealed_keys
from protocols.sealed_keys import SealBroken
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
    replaced_by: str = ""  # the name of the node that has its place now: this one's key is worth nothing any more

    def __repr__(self) -> str:  # a key must not reach a log by way of a repr
        return f"NodeEntry({topics.node_name(self.node)}, {self.kind}, {self.name!r})"


def settings_dict(
    entry: NodeEntry,
    *,
    language: str,
    uplink: Mapping[str, Any],
    config: Mapping[str, Any],
    journal_epoch: int = 0,
    publishers: Sequence[str] = (),
) -> dict[str, Any]:
    """The node's settings, with its key: never log them. `journal_epoch` grows by one with each flash of a node."""
    more: dict[str, Any] = {"publishers": list(publishers)} if publishers else {}
    if journal_epoch:
        more["journal_epoch"] = journal_epoch
    return {
        "version": SETTINGS_VERSION,
        "node": topics.node_name(entry.node),
        "key": entry.key.hex(),
        "site": entry.site,
        "kind": entry.kind,
        "language": language,
        "uplink": dict(uplink),
        "config": dict(config),
        **more,
    }


def registry_text(entries: Iterable[NodeEntry], master: bytes | None = None) -> str:
    """The registry file, its keys sealed under `master`; without one they lie open: never log it."""
    rows = [
        asdict(entry)
        | {
            "node": topics.node_name(entry.node),
            "key": sealed_keys.seal(master, entry.node, entry.key) if master else entry.key.hex(),
        }
        for entry in entries
    ]
    return json.dumps({"version": REGISTRY_VERSION, "nodes": rows}, ensure_ascii=False, indent=1)


def _entry(row: object, where: str, masters: Sequence[bytes]) -> NodeEntry:
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
        key = _key(row["key"], node, masters)
        topics.topic(row["site"], node, "up")
    except SealBroken as broken:
        raise RegistryError(f"{where}: {broken}") from None
    except (MalformedFrame, EncodeError, ValueError):
        raise RegistryError(f"{where}: node is 16 and key 64 hexadecimal digits, site is a-z, 0-9, -") from None
    if len(key) != KEY_SIZE:
        raise RegistryError(f"{where}: key is {KEY_SIZE * 2} hexadecimal digits")
    if row["kind"] not in {kind for _, kind, _, _ in NODE_KINDS}:
        raise RegistryError(f"{where}: no node kind {row['kind']!r}")
    return NodeEntry(**{**row, "node": node, "key": key})


def _key(text: str, node: bytes, masters: Sequence[bytes]) -> bytes:
    return sealed_keys.unseal(masters, node, text) if sealed_keys.is_sealed(text) else bytes.fromhex(text)


def read_registry(text: str, masters: Sequence[bytes] = ()) -> tuple[NodeEntry, ...]:
    """The registry's nodes; `masters` open the keys that are sealed. Raises RegistryError, naming the entry."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise RegistryError(f"not JSON: {error}") from None
    if not isinstance(document, dict) or document.get("version") != REGISTRY_VERSION:
        raise RegistryError(f"a registry begins with {{'version': {REGISTRY_VERSION}, 'nodes': [...]}}")
    rows = document.get("nodes")
    if not isinstance(rows, list):
        raise RegistryError("'nodes' must be a list")
    entries = tuple(_entry(row, f"node {number}", masters) for number, row in enumerate(rows, 1))
    seen: set[bytes] = set()
    for entry in entries:
        if entry.node in seen:
            raise RegistryError(f"node {topics.node_name(entry.node)} stands twice")
        seen.add(entry.node)
    return entries
