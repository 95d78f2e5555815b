"""What is wrong with an installation, or will be, and what to do about it: looked at from outside, running or not.

Never changes anything. Time is an argument; a check that cannot be made is a finding itself.
Specification: README.md here.
"""

import contextlib
import json
import os
import shutil
import sqlite3
import stat
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import psutil

from controller import config as configuration
from controller.admin.backup import SUFFIX, BackupError, folder_of, verify
from controller.admin.doctor_doors import doors
from controller.admin.finding import Finding, Level
from controller.config import Config, ConfigError
from controller.registry import load_registry
from controller.store.migrate import migrations

FREE_ENOUGH = 2 << 30
FREE_LEAST = 200 << 20
BACKUP_AGE_S = 36 * 3600  # a nightly one that failed once
CLOCK_LEAD_S = 300
BUILT_S = 1_790_000_000  # 2026-09-21: no clock that is right shows less
SQLITE_LEAST = (3, 37)


def examine(config_path: Path, now_s: float) -> list[Finding]:
    """Every finding, in the order of the checks; a configuration that cannot be read is the only one."""
    try:
        config = configuration.load(config_path)
    except ConfigError as error:
        return [Finding("configuration", "error", "doctor_configuration", {"error": str(error)})]
    found = [Finding("configuration", "ok", "doctor_configuration_ok", {"file": str(config_path)})]
    found += _registry(config)
    found += _permissions(config)
    found += doors(config, now_s)
    found += _database(config)
    found += _clock(config, now_s)
    found += _disk(config)
    found += _backups(config, now_s)
    found += _process(config, config_path)
    found += _versions()
    return found


def _registry(config: Config) -> Iterator[Finding]:
    try:
        entries = load_registry(Path(config.nodes.registry), Path(config.nodes.master_key))
    except ConfigError as error:
        yield Finding("registry", "error", "doctor_registry", {"error": str(error)})
        return
    yield Finding("registry", "ok", "doctor_registry_ok", {"nodes": len(entries)})


def _permissions(config: Config) -> Iterator[Finding]:
    """Data that others may write."""
    for name in (config.store.path, config.site.data):
        if _mode(Path(name)) & 0o022:
            yield Finding("permissions", "warning", "doctor_writable", {"file": name})


def _mode(path: Path) -> int:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return 0  # what is missing is another check's finding


def _database(config: Config) -> Iterator[Finding]:
    path = Path(config.store.path)
    if not path.exists():
        yield Finding("database", "warning", "doctor_no_database", {"file": str(path)})
        return
    try:
        with _reading(path) as opened:
            (verdict,) = opened.execute("PRAGMA quick_check(1)").fetchone()
            (version,) = opened.execute("PRAGMA user_version").fetchone()
            (records,) = opened.execute("SELECT COUNT(*) FROM record").fetchone()
    except sqlite3.Error as error:
        yield Finding("database", "error", "doctor_database", {"file": str(path), "error": str(error)})
        return
    known = migrations()[-1][0]
    if verdict != "ok":
        yield Finding("database", "error", "doctor_database", {"file": str(path), "error": verdict})
    elif version > known:
        yield Finding("database", "error", "doctor_database_newer", {"version": version, "known": known})
    else:
        yield Finding("database", "ok", "doctor_database_ok", {"records": records, "version": version})


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as opened:
        yield opened


def _clock(config: Config, now_s: float) -> Iterator[Finding]:
    """Receipts give nodes their time, so a wrong clock here is a wrong clock everywhere."""
    newest = 0
    with contextlib.suppress(sqlite3.Error, OSError), _reading(Path(config.store.path)) as opened:
        (newest,) = opened.execute("SELECT COALESCE(MAX(stored_s), 0) FROM record").fetchone()
    if now_s < max(newest, BUILT_S) - CLOCK_LEAD_S:
        yield Finding("clock", "error", "doctor_clock", {"behind_s": int(max(newest, BUILT_S) - now_s)})
    else:
        yield Finding("clock", "ok", "doctor_clock_ok", {})


def _disk(config: Config) -> Iterator[Finding]:
    for folder in sorted({_existing(Path(config.store.path).parent), _existing(Path(config.site.data))}):
        free = shutil.disk_usage(folder).free
        told: dict[str, str | int] = {"folder": str(folder), "free_mb": free >> 20}
        level: Level = "error" if free < FREE_LEAST else "warning" if free < FREE_ENOUGH else "ok"
        yield Finding("disk", level, "doctor_disk_ok" if level == "ok" else "doctor_disk", told)


def _existing(folder: Path) -> Path:
    while not folder.exists():
        folder = folder.parent
    return folder.resolve()


def _backups(config: Config, now_s: float) -> Iterator[Finding]:
    files = sorted(folder_of(config).glob(f"*{SUFFIX}"), key=lambda file: file.stat().st_mtime)
    if not files:
        yield Finding("backups", "warning", "doctor_no_backup", {"folder": str(folder_of(config))})
        return
    newest = files[-1]
    age_s = now_s - newest.stat().st_mtime
    try:
        verify(newest)
    except BackupError as error:
        yield Finding("backups", "error", "doctor_backup_damaged", {"file": newest.name, "error": str(error)})
        return
    told: dict[str, str | int] = {"file": newest.name, "hours": int(age_s // 3600)}
    old = age_s > BACKUP_AGE_S
    yield Finding("backups", "warning" if old else "ok", "doctor_backup_old" if old else "doctor_backup_ok", told)


def _process(config: Config, config_path: Path) -> Iterator[Finding]:
    ready = Path(config.site.data) / "ready.json"
    try:
        told = json.loads(ready.read_text(encoding="utf-8"))
        pid, url = int(told["pid"]), str(told["url"])
    except FileNotFoundError:
        yield Finding("process", "warning", "doctor_stopped", {})
        return
    except (OSError, ValueError, KeyError, TypeError):
        yield Finding("process", "warning", "doctor_ready_damaged", {"file": str(ready)})
        return
    if psutil.pid_exists(pid):
        if config_path.stat().st_mtime > ready.stat().st_mtime:
            yield Finding("process", "warning", "doctor_configuration_newer", {"file": str(config_path)})
        yield Finding("process", "ok", "doctor_running", {"url": url})
    else:  # it was killed: one that is told to stop takes the file away
        yield Finding("process", "error", "doctor_killed", {"pid": pid})


def _versions() -> Iterator[Finding]:
    told: dict[str, str | int] = {
        "vuzol": metadata.version("vuzol"),
        "python": ".".join(map(str, sys.version_info[:3])),
        "sqlite": sqlite3.sqlite_version,
        "system": os.uname().release,
    }
    if sqlite3.sqlite_version_info < SQLITE_LEAST:
        yield Finding("versions", "error", "doctor_sqlite_old", told)
    else:
        yield Finding("versions", "ok", "doctor_versions_ok", told)
