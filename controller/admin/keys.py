"""The nodes' keys at rest: the registry is written sealed, and sealed anew under another master key.

Never prints a key, and never leaves a moment in which the registry cannot be opened with the file beside it.
Specification: protocols/sealed_keys.py; README.md here, "Keys".
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from controller import config as configuration
from controller.config import ConfigError
from controller.registry import load_masters, load_registry
from controller.secret_files import write_secret
from protocols.provisioning import NodeEntry, registry_text
from protocols.sealed_keys import is_sealed, master_text, new_master

MASTER_KEY = "master.key"  # its name beside the registry, as nodes.master_key has it


class KeysError(Exception):
    """A registry or a master key cannot be used; the text is one sentence that says what to do."""


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except ConfigError as error:
        raise KeysError(str(error)) from None
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


def rotate(config_path: Path) -> int:
    """Seal every key under a new master key; how many. A controller that runs needs no restart. Raises KeysError."""
    with _told():
        nodes = configuration.load(config_path).nodes
        registry, master_key = Path(nodes.registry), Path(nodes.master_key)
        entries = load_registry(registry, master_key)
        masters = (new_master(), *load_masters(master_key))
        write_secret(master_key, master_text(masters))  # opens both: what is there now, and what is written next
        write_secret(registry, registry_text(entries, masters[0]))
        write_secret(master_key, master_text(masters[:1]))
    return len(entries)


def count_open(registry: Path) -> int:
    """How many keys of a registry that can be read lie there unsealed."""
    return sum(not is_sealed(row["key"]) for row in json.loads(registry.read_text(encoding="utf-8"))["nodes"])
