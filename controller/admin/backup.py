"""A backup in one file, taken while the controller runs, and the way back; both verify before they believe.

Never takes the broker's store: the nodes' journals are the queue. Never overwrites what a restore replaces.
Specification: README.md here; sqlite.org/backup.html.

    vuzol-<site>-<time>.tar.gz, mode 0600 (it holds nodes' keys and second factors, sealed: the master key is not in it)
        manifest.json   version, site, time, schema, counts, SHA-256 of every other member
        vuzol.sqlite3   a consistent copy
        nodes.json, vuzol.toml, feeds/...
"""

import contextlib
import fcntl
import gzip
import hashlib
import io
import json
import os
import sqlite3
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from controller import config as configuration
from controller.access.sealed_totp import seal_all
from controller.admin.keys import KeysError, count_open, read_nodes, write_nodes
from controller.config import Config, ConfigError
from controller.registry import load_masters
from controller.store.migrate import migrations

VERSION = 1
SUFFIX = ".tar.gz"
DATABASE, REGISTRY, CONFIGURATION, FEEDS = "vuzol.sqlite3", "nodes.json", "vuzol.toml", "feeds"
MANIFEST = "manifest.json"
PAGES_A_STEP = 2048
CHUNK = 1 << 20
MAX_MANIFEST = 1 << 20


class BackupError(Exception):
    """It cannot be backed up or restored; the text is one sentence that says what to do."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds. `members`: name -> SHA-256; `schema`: the number of the last migration."""

    version: int
    site: str
    taken: str
    schema: int
    records: int
    nodes: int
    members: dict[str, str]


def folder_of(config: Config) -> Path:
    """Where backups lie unless somebody says otherwise."""
    return Path(config.site.data) / "backups"


def take(
    config_path: Path, to: Path | None, now_s: float, progress: Callable[[int, int], None] = lambda *_: None
) -> tuple[Path, Manifest]:
    """Write a backup, whole or not at all, and read it again; the file and what it holds. Raises BackupError.

    `to` is a file, a folder, or None for the folder where backups lie. `progress(done, total)` counts the database's
    pages.
    """
    config = _load(config_path)
    to = to or folder_of(config)
    if not to.name.endswith(SUFFIX):
        to /= f"vuzol-{config.site.name}-{datetime.fromtimestamp(now_s, UTC):%Y%m%dT%H%M%SZ}{SUFFIX}"
    part = to.with_name(to.name + ".part")
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=to.parent, prefix=".backup-") as scratch:
            copy = Path(scratch) / DATABASE
            _copy_database(Path(config.store.path), copy, progress)
            _seal_second_factors(config, copy)
            registry = _sealed(config, Path(scratch) / REGISTRY)
            manifest = _write(part, copy, registry, config, config_path, now_s)
        verify(part)
        part.replace(to)
    except OSError as error:
        raise BackupError(f"{to} cannot be written ({error.strerror or error}): give another --to.") from None
    finally:
        part.unlink(missing_ok=True)
    return to, manifest


def _load(config_path: Path) -> Config:
    try:
        return configuration.load(config_path)
    except ConfigError as error:
        raise BackupError(str(error)) from None


def _copy_database(path: Path, copy: Path, progress: Callable[[int, int], None]) -> None:
    if not path.is_file():
        raise BackupError(f"There is no database {path}: correct store.path.")
    try:
        with (
            contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as source,
            contextlib.closing(sqlite3.connect(copy)) as target,
        ):
            source.isolation_level = None
            source.execute("BEGIN")  # one view of the whole: or every commit of the controller would begin it anew
            source.execute("SELECT 1 FROM sqlite_schema").fetchone()
            source.backup(target, pages=PAGES_A_STEP, progress=lambda _, left, total: progress(total - left, total))
            target.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it
    except sqlite3.Error as error:
        raise BackupError(f"The database {path} cannot be copied ({error}): vuzol doctor says more.") from None


def _seal_second_factors(config: Config, copy: Path) -> None:
    """Those that lie open in a database of an older version, where there is a master key."""
    try:
        masters = load_masters(Path(config.nodes.master_key))
        with contextlib.closing(sqlite3.connect(copy)) as db, db:
            db.execute("PRAGMA secure_delete = ON")
            seal_all(db, masters)
    except (ConfigError, sqlite3.Error):
        return  # they are kept as they are


def _sealed(config: Config, copy: Path) -> Path:
    """The registry, or where keys lie open in it, a copy in which they do not; as it is where nothing can seal them."""
    registry, master_key = Path(config.nodes.registry), Path(config.nodes.master_key)
    try:
        if not master_key.exists() or not count_open(registry):
            return registry
    except (OSError, ValueError, TypeError, KeyError):
        return registry  # it is kept as it is
    try:
        write_nodes(copy, master_key, read_nodes(registry, master_key))
    except KeysError as error:
        raise BackupError(str(error)) from None
    return copy


def _write(part: Path, copy: Path, registry: Path, config: Config, config_path: Path, now_s: float) -> Manifest:
    schema, records, nodes = _look_into(copy)
    sources = {DATABASE: copy, REGISTRY: registry, CONFIGURATION: config_path}
    feeds = Path(config.site.data) / "feeds"
    sources |= {f"{FEEDS}/{file.name}": file for file in sorted(feeds.glob("*")) if file.is_file()}
    members = {name: _sha256(file) for name, file in sources.items()}
    taken = datetime.fromtimestamp(now_s, UTC).isoformat(timespec="seconds")
    manifest = Manifest(VERSION, config.site.name, taken, schema, records, nodes, members)
    part.unlink(missing_ok=True)
    with (
        os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file,
        tarfile.open(fileobj=file, mode="w:gz", compresslevel=6) as archive,
    ):
        told = json.dumps(asdict(manifest), ensure_ascii=False, indent=1).encode()
        entry = tarfile.TarInfo(MANIFEST)
        entry.size = len(told)
        archive.addfile(entry, io.BytesIO(told))
        for name, source in sources.items():
            archive.add(source, name, recursive=False)
    return manifest


def _look_into(database: Path) -> tuple[int, int, int]:
    """(schema, records, nodes) of a database that is sound. Raises BackupError."""
    try:
        with contextlib.closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True)) as opened:
            (verdict,) = opened.execute("PRAGMA integrity_check(1)").fetchone()
            if verdict != "ok":
                raise BackupError(f"The database is damaged ({verdict}): restore the last good backup.")
            (schema,) = opened.execute("PRAGMA user_version").fetchone()
            (records,) = opened.execute("SELECT COUNT(*) FROM record").fetchone()
            (nodes,) = opened.execute("SELECT COUNT(*) FROM node_state").fetchone()
    except sqlite3.Error as error:
        raise BackupError(f"The database cannot be read ({error}): restore the last good backup.") from None
    return schema, records, nodes


def verify(file: Path) -> Manifest:
    """Read a whole backup: every member's hash, the database's soundness. Raises BackupError."""
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=".verify-") as scratch:
        return _unpack(file, Path(scratch))


def restore(file: Path, config_path: Path, now_s: float) -> tuple[Manifest, list[Path]]:
    """Put a verified backup in the place of the stopped controller's files; also what was moved aside.

    Database, registry and feeds are replaced; the configuration in force stays (the backup's is for reading).
    Raises BackupError, and then everything is as it was.
    """
    config = _load(config_path)
    database = Path(config.store.path)
    database.parent.mkdir(parents=True, exist_ok=True)
    with _stopped(database), tempfile.TemporaryDirectory(dir=database.parent, prefix=".restore-") as scratch:
        found = Path(scratch)
        manifest = _unpack(file, found)
        if manifest.site != config.site.name:
            raise BackupError(f"The backup is of the site {manifest.site}, not {config.site.name}: take the right one.")
        if manifest.schema > migrations()[-1][0]:
            raise BackupError("The backup is newer than this controller: update the controller first.")
        aside = f".before-restore-{datetime.fromtimestamp(now_s, UTC):%Y%m%dT%H%M%SZ}"
        targets = {found / DATABASE: database, found / REGISTRY: Path(config.nodes.registry)}
        if (found / FEEDS).is_dir():
            targets[found / FEEDS] = Path(config.site.data) / FEEDS
        # A log beside the old database belongs to it, and must not be played into the restored one.
        logs = [database.with_name(database.name + end) for end in ("-wal", "-shm")]
        moved = [_move_aside(old, aside) for old in (*logs, *targets.values()) if old.exists()]
        for source, target in targets.items():
            target.parent.mkdir(parents=True, exist_ok=True)
            source.replace(target)
    return manifest, moved


def _move_aside(old: Path, aside: str) -> Path:
    return old.rename(old.with_name(old.name + aside))


@contextlib.contextmanager
def _stopped(database: Path) -> Iterator[None]:
    """Holds the lock that a running controller holds (controller/store/sqlite.py). Raises BackupError."""
    with database.with_name(database.name + ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupError(f"A controller uses {database}: stop it first.") from None
        yield


def _unpack(file: Path, folder: Path) -> Manifest:
    """Every member into `folder`, mode 0600, believed only when the manifest's hash says so. Raises BackupError."""
    try:
        with gzip.open(file) as unpacked:
            with tarfile.open(fileobj=unpacked, mode="r:") as archive:
                manifest = _read_manifest(archive)
                while member := archive.next():
                    _extract(archive, member, manifest, folder)
            while unpacked.read(CHUNK):  # to the end, where gzip's own check sum stands
                pass
    except (OSError, tarfile.TarError, EOFError, zlib.error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise BackupError(f"{file} is not a whole backup ({reason}): take another one.") from None
    if missing := sorted(name for name in manifest.members if not (folder / name).is_file()):
        raise BackupError(f"{file} lacks {', '.join(missing)}: take another one.")
    schema, records, _ = _look_into(folder / DATABASE)
    if (schema, records) != (manifest.schema, manifest.records):
        raise BackupError(f"{file} contradicts its own manifest: take another one.")
    return manifest


def _read_manifest(archive: tarfile.TarFile) -> Manifest:
    first = archive.next()
    opened = archive.extractfile(first) if first is not None and first.name == MANIFEST and first.isreg() else None
    try:
        told = json.loads(opened.read(MAX_MANIFEST)) if opened is not None else {}
        manifest = Manifest(**told)
        if manifest.version != VERSION or not {DATABASE, REGISTRY} <= manifest.members.keys():
            raise ValueError
    except (TypeError, ValueError, AttributeError):
        raise BackupError("This is no backup of this version of Vuzol: take another file.") from None
    return manifest


def _extract(archive: tarfile.TarFile, member: tarfile.TarInfo, manifest: Manifest, folder: Path) -> None:
    name = PurePosixPath(member.name)
    source = archive.extractfile(member) if member.isreg() else None
    if source is None or member.name not in manifest.members or name.is_absolute() or ".." in name.parts:
        raise BackupError(f"The backup holds {member.name!r}, which its manifest does not know: take another one.")
    target = folder / name
    target.parent.mkdir(exist_ok=True)
    digest = hashlib.sha256()
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        while chunk := source.read(CHUNK):
            digest.update(chunk)
            out.write(chunk)
        out.flush()
        os.fsync(out.fileno())
    if digest.hexdigest() != manifest.members[member.name]:
        raise BackupError(f"{member.name} of the backup is damaged: take another one.")


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
