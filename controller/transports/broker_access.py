"""Who may do what on the broker: a name for each node, each relay and the controller, and their own topics alone.

Never keeps a password longer than it takes to hash it, and opens no connection: a broker reads what is written here.
Specification: docs.nats.io, "Authorization"; mosquitto.conf(5), mosquitto_passwd(1).
"""

import base64
import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import bcrypt

from controller.config import RelayAccessConfig
from controller.secret_files import read_secret
from protocols.provisioning import NodeEntry
from protocols.wire import mqtt_access, topics

CONTROLLER = "controller"
ALL_DOWN = topics.PREFIX + "/+/+/down"
CERTIFICATE_USER = "urn:vuzol:certificate:"  # controller/admin/ca.py writes it into each certificate
# What we hash are 128 bits of chance or more: nobody guesses them, however fast he can try.
_BCRYPT_ROUNDS = 4
_MOSQUITTO_ROUNDS = 101
_MOSQUITTO_SALT = 12
# How nats-server gives a client what it asked for at QoS 1; MQTT clients cannot subscribe to it themselves.
_NATS_DELIVERY = "$MQTT.sub.>"


@dataclass(frozen=True, slots=True)
class Guest:
    """Somebody whom the broker lets in; topics in the words of MQTT. No password: only a certificate will do."""

    name: str
    password: str | None = field(repr=False)
    publish: tuple[str, ...]
    subscribe: tuple[str, ...]


def guests(
    entries: Iterable[NodeEntry], relays: Sequence[RelayAccessConfig], controller_password: str | None
) -> list[Guest]:
    """Everybody; a replaced node's key opens no door. Raises SecretFault for a password that cannot be read."""
    entries = [entry for entry in entries if not entry.replaced_by]
    sites = {topics.node_name(entry.node): entry.site for entry in entries}
    found = [Guest(CONTROLLER, controller_password, (ALL_DOWN,), (topics.ALL_UP, topics.ALL_STATE))]
    found += [
        _guest(topics.node_name(entry.node), mqtt_access.password(entry.key), [entry.node], sites) for entry in entries
    ]
    for relay in relays:
        password = read_secret(Path(relay.password_file), "relay.password_file") if relay.password_file else None
        # A node that is no longer in the registry is nobody's: its relay does not speak for it either.
        nodes = [topics.node_id(name) for name in relay.nodes if name in sites]
        found.append(_guest(relay.name, password, nodes, sites))
    return found


def _guest(name: str, password: str | None, nodes: Sequence[bytes], sites: Mapping[str, str]) -> Guest:
    def of_each(*leaves: str) -> tuple[str, ...]:
        return tuple(topics.topic(sites[topics.node_name(node)], node, leaf) for node in nodes for leaf in leaves)

    return Guest(name, password, of_each("up", "state"), of_each("down"))


def nats_authorization(found: Iterable[Guest], certificates: Mapping[str, str] | None) -> str:
    """The section for nats-server's configuration; `certificates`: serial -> name, None: passwords."""
    by_name = {guest.name: guest for guest in found}
    if certificates is None:
        users = [
            {"user": guest.name, "password": _bcrypt(guest.password)} | _nats_rights(guest)
            for guest in by_name.values()
            if guest.password is not None
        ]
    else:  # one user a certificate: what is not in the list of good ones is let in by no name
        users = [
            {"user": CERTIFICATE_USER + serial} | _nats_rights(by_name[name])
            for serial, name in certificates.items()
            if name in by_name
        ]
    return f"authorization {json.dumps({'users': users}, indent=1)}"


def _nats_rights(guest: Guest) -> dict[str, object]:
    publish = [_subject(one) for one in guest.publish]
    subscribe = [_NATS_DELIVERY, *(_subject(one) for one in guest.subscribe)]
    return {
        "allowed_connection_types": ["MQTT"],
        # An empty list would allow everything.
        "permissions": {
            "publish": {"allow": publish} if publish else {"deny": [">"]},
            "subscribe": {"allow": subscribe},
        },
    }


def _subject(topic: str) -> str:
    return topic.replace("/", ".").replace("+", "*")


@lru_cache(maxsize=100_000)
def _bcrypt(password: str) -> str:
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(_BCRYPT_ROUNDS)).decode()


def mosquitto_acl(found: Iterable[Guest]) -> str:
    """mosquitto's acl_file: what is not named is forbidden."""
    lines = []
    for guest in found:
        lines += [
            f"user {guest.name}",
            *(f"topic write {topic}" for topic in guest.publish),
            *(f"topic read {topic}" for topic in guest.subscribe),
            "",
        ]
    return "\n".join(lines)


def mosquitto_passwords(found: Iterable[Guest]) -> str:
    """mosquitto's password_file, as mosquitto_passwd would write it."""
    return "".join(f"{guest.name}:{_pbkdf2(guest.password)}\n" for guest in found if guest.password is not None)


def _pbkdf2(password: str) -> str:
    salt = os.urandom(_MOSQUITTO_SALT)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _MOSQUITTO_ROUNDS)
    return f"$7${_MOSQUITTO_ROUNDS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"
