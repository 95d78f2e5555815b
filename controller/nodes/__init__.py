"""Message -> event and command -> message for each node kind: a table built from THE list of kinds.

Never knows a field: a kind's module does. A kind without a module fails at import, and a test lists what it lacks.
Specification: protocols/wire/node_kinds.py; architecture.md, "A fifth kind must cost this".
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from controller.commands import Command
from controller.events import Event
from controller.nodes import every_node
from protocols.wire.errors import EncodeError
from protocols.wire.node_kinds import NODE_KINDS
from protocols.wire.record import Record

Parse = Callable[[bytes, bool], Any]
ToEvent = Callable[[bytes, Record, Any], Event]
Readers = dict[int, tuple[Parse, int, ToEvent]]
Writers = dict[type[Any], tuple[int, int, Callable[[Any], bytes]]]

_MODULES = {name: import_module(f"controller.nodes.{name}") for _, name, _, _ in NODE_KINDS}

# node kind -> record kind -> (parse a body, version known here, make the event)
READERS: dict[str, Readers] = {
    name: {
        message.KIND: (message.parse, message.VERSION, to_event)
        for message, to_event in every_node.RECORDS + module.RECORDS
    }
    for name, module in _MODULES.items()
}

# node kind -> command -> (command kind, version, build the body)
WRITERS: dict[str, Writers] = {
    name: {command: (message.KIND, message.VERSION, body) for command, message, body in module.COMMANDS}
    for name, module in _MODULES.items()
}


def event_of(readers: Readers, node: bytes, record: Record) -> Event | None:
    """The event behind a record; None for a kind that is unknown here (G8). Raises MalformedFrame."""
    reader = readers.get(record.kind)
    if reader is None:
        return None
    parse, version, to_event = reader
    return to_event(node, record, parse(record.body, record.version > version))


def message_of(node_kind: str, command: Command) -> tuple[int, int, bytes]:
    """(kind, version, body) of a command to a node of `node_kind`. Raises EncodeError."""
    try:
        kind, version, body = WRITERS[node_kind][type(command)]
    except KeyError:
        raise EncodeError(f"a {node_kind} has no use for {type(command).__name__}") from None
    return kind, version, body(command)
