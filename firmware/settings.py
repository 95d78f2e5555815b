"""What a node was provisioned with: its identity, its key, its way to the controller, its kind's configuration.

Never guesses: what is missing or wrong is one sentence for the technician. Never prints the key.
Specification: protocols/README.md, "Provisioning"; the file is JSON, version 1.
"""

import json
from binascii import crc32, unhexlify
from collections import namedtuple

from protocols.wire import topics
from protocols.wire.errors import EncodeError, MalformedFrame
from protocols.wire.node_kinds import NODE_KINDS

VERSION = 1
MAX_FILE_SIZE = 16_384
KEY_SIZE = 32
MAX_PUBLISHERS = 4
MAX_EPOCH = 4095  # one more for each flash that this node's journal has had: its numbers must never be used again

Settings = namedtuple(
    "Settings",
    ("node", "key", "site", "kind", "language", "uplink", "config", "crc", "journal_epoch", "publishers", "revoked"),
)


class SettingsFault(Exception):
    """The file cannot be used; the text is one sentence that says what to do. `known`: what could be read of it."""

    def __init__(self, sentence, known=None):
        super().__init__(sentence)
        self.sentence = sentence
        self.known = known or {}


def whole(low, high):
    """A check for configuration tables: a whole number of low..high."""

    def check(value):
        if type(value) is not int or not low <= value <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return value

    return check


def multiple(step, low, high):
    """A check for configuration tables: a whole number of low..high that `step` divides."""

    def check(value):
        if type(value) is not int or not low <= value <= high or value % step:
            raise ValueError(f"a multiple of {step} from {low} to {high}")
        return value

    return check


def key(value):
    """A check for configuration tables: 64 hexadecimal digits; gives bytes."""
    try:
        found = unhexlify(value)
    except (TypeError, ValueError):
        found = b""
    if len(found) != KEY_SIZE:
        raise ValueError("64 hexadecimal digits")
    return found


def keys(value):
    """A check for configuration tables: a list of a few keys; gives them as bytes."""
    if type(value) is not list or len(value) > MAX_PUBLISHERS:
        raise ValueError(f"a list of {MAX_PUBLISHERS} keys at most")
    return [key(one) for one in value]


def text(value):
    """A check for configuration tables: text."""
    if type(value) is not str:
        raise ValueError("text")
    return value


def boolean(value):
    """A check for configuration tables."""
    if type(value) is not bool:
        raise ValueError("true or false")
    return value


def one_of(*values):
    """A check for configuration tables."""

    def check(value):
        if value not in values:
            raise ValueError("one of " + ", ".join([str(v) for v in values]))
        return value

    return check


UPLINKS = {  # transport, the module firmware/comms/<transport>_link.py: its rows
    "mqtt": (
        ("host", text, None),
        ("port", whole(1, 65535), 1883),
        ("tls", boolean, False),
        ("ca", text, ""),  # PEM, or the path of a file of it, as the next two
        ("cert", text, ""),
        ("key", text, ""),
        ("server_name", text, ""),  # what stands in the broker's certificate, when it is not `host`
    ),
    "modbus_rtu": (
        ("unit", whole(1, 247), None),
        ("baud", whole(1200, 115_200), 115_200),
        ("parity", one_of("none", "even", "odd"), "none"),
    ),
    "modbus_tcp": (
        ("unit", whole(1, 247), None),
        ("host", text, "127.0.0.1"),
        ("port", whole(1, 65535), 502),
    ),
}


def read(path, config_of):
    """The node's settings. `config_of(kind)` gives that kind's table: (name, check, default or None) rows.

    Raises SettingsFault.
    """
    data = _load(path)
    try:
        document = json.loads(data)
    except ValueError:
        raise SettingsFault(f"{path} is not JSON: write the settings of this node anew")
    if type(document) is not dict:
        raise SettingsFault(f"{path} is no object: write the settings of this node anew")
    try:
        return _parse(document, config_of, crc32(data))
    except ValueError as wrong:
        raise SettingsFault(f"{path}: {wrong}: correct it or write the settings of this node anew", document)


def _load(path):
    try:
        with open(path, "rb") as file:
            size = file.seek(0, 2)
            file.seek(0)
            data = file.read(min(size, MAX_FILE_SIZE + 1))  # asked for more, it would take as much memory in one piece
    except OSError:
        raise SettingsFault(f"{path} is missing: write the settings of this node")
    if len(data) > MAX_FILE_SIZE:
        raise SettingsFault(f"{path} is longer than {MAX_FILE_SIZE} bytes: write the settings of this node anew")
    return data


def _parse(document, config_of, crc):
    if document.get("version") != VERSION:
        raise ValueError(f"version must be {VERSION}")
    kind = document.get("kind")
    if kind not in [name for _, name, _, _ in NODE_KINDS]:
        raise ValueError("kind must be one that this firmware has")
    try:
        node = topics.node_id(document.get("node") or "")
        topics.topic(document.get("site") or "", node, "up")
    except (EncodeError, MalformedFrame, TypeError):
        raise ValueError("node must be 16 hexadecimal digits and site a-z, 0-9, -")
    uplink = document.get("uplink")
    way = (("transport", one_of(*sorted(UPLINKS)), None),)
    way += UPLINKS[table("uplink", uplink, way)["transport"]]
    return Settings(
        node,
        _checked("key", key, document.get("key")),
        document["site"],
        kind,
        _checked("language", one_of("uk", "en"), document.get("language", "uk")),
        table("uplink", uplink, way),
        table("config", document.get("config"), config_of(kind)),
        crc,
        _checked("journal_epoch", whole(0, MAX_EPOCH), document.get("journal_epoch", 0)),
        _checked("publishers", keys, document.get("publishers", [])),
        _checked("revoked_publishers", keys, document.get("revoked_publishers", [])),
    )


def table(name, values, rows):
    """The values of an object of the file by a table of (name, check, default or None). Raises ValueError."""
    if type(values) is not dict:
        raise ValueError(f"{name} must be an object")
    return {row: _checked(f"{name}.{row}", check, values.get(row, default)) for row, check, default in rows}


def _checked(name, check, value):
    try:
        return check(value)
    except ValueError as wrong:
        raise ValueError(f"{name} must be {wrong}")
