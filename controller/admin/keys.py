"""Keys at rest: the registry is written sealed; it and second factors are sealed anew under another master key.

Never prints a key, and never leaves a moment in which something cannot be opened with the file beside it.
Specification: protocols/sealed_keys.py; README.md here, "Keys".
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from controller import config as configuration
from controller.access import sealed_totp
from controller.access.database import AccessDatabase
from controller.config import Config, ConfigError
from controller.registry import load_masters, load_registry
from controller.secret_files import write_secret
from controller.store import StoreError
from protocols.provisioning import NodeEntry, registry_text
from protocols.sealed_keys import SealBroken, is_sealed, master_text, new_master

MASTER_KEY = "master.key"  # its name beside the registry, as nodes.master_key has it


class KeysError(Exception):
    """A registry or a master key cannot be used; the text is one sentence that says what to do."""


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except (ConfigError, StoreError) as error:
        raise KeysError(str(error)) from None
    except SealBroken as error:
        raise KeysError(f"Nothing is lost: {error}.") from None
    except sqlite3.Error as error:
        raise KeysError(f"The database cannot be used ({error}): type vuzol doctor.") from None
    except OSError as error:
        raise KeysError(f"{error.filename} cannot be written ({error.strerror}): correct the path.") from None


def read_nodes(registry: Path, master_key: Path) -> tuple[NodeEntry, ...]:
    """The registry's nodes, none where it does not exist yet. Raises KeysError."""
    with _told():
        return load_registry(registry, master_key) if registry.exists() else ()


def write_nodes(registry: Path, master_key: Path, entries: Iterable[NodeEntry]) -> None:
    """Write the registry, whole and sealed; makes the master key where there is none. Raises KeysError."""
    with _told():
        masters = load_masters(master_key)
        if not masters:
            masters = (new_master(),)
            write_secret(master_key, master_text(masters))
        write_secret(registry, registry_text(entries, masters[0]))


def rotate(config_path: Path) -> tuple[int, int]:
    """Seal everything under a new master key; how many nodes' keys and second factors. Raises KeysError.

    A controller that runs needs no restart.
    """
    with _told():
        config = configuration.load(config_path)
        registry, master_key = Path(config.nodes.registry), Path(config.nodes.master_key)
        entries = load_registry(registry, master_key)
        masters = (new_master(), *load_masters(master_key))
        write_secret(master_key, master_text(masters))  # opens both: what is there now, and what is written next
        write_secret(registry, registry_text(entries, masters[0]))
        factors = _seal_second_factors(Path(config.store.path), masters)
        write_secret(master_key, master_text(masters[:1]))
    return len(entries), factors


def _seal_second_factors(path: Path, masters: Sequence[bytes]) -> int:
    if not path.exists():
        return 0
    with closing(AccessDatabase.open(path)) as database, database.writing() as db:
        return sealed_totp.seal_all(db, masters, anew=True)


def second_factors(config: Config) -> tuple[int, int]:
    """How many lie open, and how many do not open with the master key that is here. Raises KeysError."""
    with _told():
        masters = load_masters(Path(config.nodes.master_key))
        path = Path(config.store.path).resolve()
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as db:
            return sealed_totp.count(db, masters)


def lacking_master_key(config_path: Path) -> str:
    """Where the master key belongs that something restored here does not open without; "" when all opens."""
    nodes = (config := configuration.load(config_path)).nodes
    try:
        read_nodes(Path(nodes.registry), Path(nodes.master_key))
        return nodes.master_key if second_factors(config)[1] else ""
    except KeysError:
        return nodes.master_key


def count_open(registry: Path) -> int:
    """How many keys of a registry that can be read lie there unsealed."""
    return sum(not is_sealed(row["key"]) for row in json.loads(registry.read_text(encoding="utf-8"))["nodes"])
