"""What the doctor says about an installation's doors: certificates, TLS, the broker's list, keys at rest, retention.

Never changes anything, and never reads a private key. Time is an argument.
Specification: README.md here, "Doctor".
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from controller.admin.finding import Finding
from controller.admin.keys import KeysError, count_open, second_factors
from controller.certificates import expiries, shown
from controller.config import Config, is_loopback
from controller.secret_files import is_open_to_others
from controller.services.retention import KINDS, cutoffs
from controller.store.retention import count_due

SOON_S = 30 * 86_400


def doors(config: Config, now_s: float) -> Iterator[Finding]:
    """Every finding, in the order of the checks."""
    yield from _secrets(config)
    yield from _certificates(config, now_s)
    yield from _exposure(config)
    yield from _keys(config)
    yield from _retention(config, now_s)


def _secrets(config: Config) -> Iterator[Finding]:
    """Files that hold secrets and that others may read."""
    mqtt = config.mqtt
    names = [config.nodes.registry, config.nodes.master_key, config.http.tls_key]
    names += [mqtt.password_file, mqtt.key_file, mqtt.server_key]
    names += [*(bus.key_file for bus in config.bus), *(relay.password_file for relay in config.relay)]
    found = 0
    for name in filter(None, dict.fromkeys(names)):
        try:
            if is_open_to_others(Path(name)):
                found += 1
                yield Finding("permissions", "error", "doctor_secret_readable", {"file": name})
        except OSError:
            if name not in (config.nodes.registry, config.nodes.master_key):  # these are another check's finding
                found += 1
                yield Finding("permissions", "error", "doctor_secret_missing", {"file": name})
    if not found:
        yield Finding("permissions", "ok", "doctor_permissions_ok", {})


def _certificates(config: Config, now_s: float) -> Iterator[Finding]:
    known = dict(expiries(config))
    for file in shown(config):
        if file in known:
            yield _dated("doctor_certificate", {"file": file}, known[file], now_s)
        else:
            yield Finding("certificates", "error", "doctor_certificate_damaged", {"file": file})
    if not config.mqtt.certificates:
        return
    try:
        rows = json.loads(Path(config.mqtt.certificates).read_text(encoding="utf-8"))
        newest = {row["name"]: row["expires_s"] for row in rows if not row["revoked_s"]}
    except (OSError, ValueError, TypeError, KeyError):
        yield Finding("certificates", "error", "doctor_issued_damaged", {"file": config.mqtt.certificates})
        return
    for name, expires_s in newest.items():
        if expires_s < now_s + SOON_S:
            yield _dated("doctor_issued", {"name": name}, expires_s, now_s)


def _dated(what: str, of: dict[str, str | int], expires_s: float, now_s: float) -> Finding:
    told = of | {"until": f"{datetime.fromtimestamp(expires_s, UTC):%Y-%m-%d}"}
    if expires_s < now_s:
        return Finding("certificates", "error", f"{what}_expired", told)
    if expires_s < now_s + SOON_S:
        return Finding("certificates", "warning", f"{what}_soon", told)
    return Finding("certificates", "ok", f"{what}_ok", told)


def _exposure(config: Config) -> Iterator[Finding]:
    """What goes over a network in the open, and who may do what on the broker."""
    http, mqtt = config.http, config.mqtt
    plain = [
        name
        for name, host, secure in (("http", http.host, http.tls_cert), ("mqtt", mqtt.host, mqtt.tls))
        if not secure and not is_loopback(host)
    ]
    for name in plain:
        yield Finding("exposure", "warning", f"doctor_plain_{name}", {"host": getattr(config, name).host})
    if mqtt.embedded and not mqtt.acl:
        yield Finding(
            "exposure", "warning" if is_loopback(mqtt.host) else "error", "doctor_acl_off", {"host": mqtt.host}
        )
    elif not plain:
        yield Finding("exposure", "ok", "doctor_exposure_ok", {})


def _keys(config: Config) -> Iterator[Finding]:
    master = Path(config.nodes.master_key)
    with suppress(KeysError):  # a master key that cannot be read is the registry's finding
        is_open, locked = second_factors(config)
        if is_open:
            yield Finding("keys", "warning", "doctor_factors_open", {"people": is_open})
        if locked:
            yield Finding("keys", "error", "doctor_factors_locked", {"people": locked, "file": str(master)})
    try:
        count = count_open(Path(config.nodes.registry))
    except (OSError, ValueError, TypeError, KeyError):
        return  # the registry is another check's finding
    if count:
        yield Finding("keys", "warning", "doctor_keys_open", {"nodes": count})
    elif master.exists():
        yield Finding("keys", "ok", "doctor_keys_ok", {"file": str(master)})


def _retention(config: Config, now_s: float) -> Iterator[Finding]:
    """A dry run of the next night."""
    before = cutoffs(config.retention, now_s)
    if not before:
        yield Finding("retention", "ok", "doctor_retention_off", {})
        return
    kinds = {name: (KINDS[name], before[name]) for name in before if name in KINDS}
    try:
        due = count_due(Path(config.store.path), kinds, before.get("samples", 0) * 1000)
    except sqlite3.Error:
        return  # the database is another check's finding
    told = ", ".join(f"{name} {count}" for name, count in due.items() if name in before)
    yield Finding("retention", "ok", "doctor_retention", {"due": told})
