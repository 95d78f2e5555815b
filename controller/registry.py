"""The registry of the nodes: its file, and the one place in a controller that holds what the file says now.

Never logs a key; refuses a file that others may read.
Specification: protocols/provisioning.py.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from controller.config import ConfigError
from controller.secret_files import SecretFault, is_open_to_others, read_secrets
from protocols.provisioning import NodeEntry, RegistryError, read_registry
from protocols.sealed_keys import SealBroken, read_masters
from protocols.wire.topics import node_name


class Registry:
    """Everybody asks it and keeps no copy, because the nodes change while the controller runs.

    What it holds is made anew by `take` and never changed: who walks through it meanwhile sees it as it was.
    """

    def __init__(self, entries: Iterable[NodeEntry] = ()) -> None:
        self._known: dict[bytes, NodeEntry] = {}
        self.take(entries)

    def take(self, entries: Iterable[NodeEntry]) -> None:
        """These are the nodes from now on."""
        self.by_node: Mapping[bytes, NodeEntry] = {entry.node: entry for entry in entries}
        self.names = frozenset(map(node_name, self.by_node))
        self.welcome = frozenset(node for node, entry in self.by_node.items() if not entry.replaced_by)
        kinds = {entry.kind for entry in self.by_node.values()}
        self._of_kind = {
            kind: {node: entry for node, entry in self.by_node.items() if entry.kind == kind} for kind in kinds
        }
        self._known |= self.by_node

    def of_kind(self, kind: str) -> Mapping[bytes, NodeEntry]:
        """The nodes of one kind, in the order of the file."""
        return self._of_kind.get(kind, {})

    def __getitem__(self, node: bytes) -> NodeEntry:
        """A node, or the last that was known of one that is in the registry no more: what it sent may still wait."""
        return self._known[node]


def load_masters(path: Path) -> tuple[bytes, ...]:
    """The keys of the master key file, none where there is no such file. Raises ConfigError."""
    if not path.exists():
        return ()
    try:
        return read_masters(read_secrets(path, "nodes.master_key"))
    except (SecretFault, SealBroken) as fault:
        raise ConfigError(
            str(fault) if isinstance(fault, SecretFault) else f"nodes.master_key {path}: {fault}."
        ) from None


def load_registry(path: Path, master_key: Path) -> tuple[NodeEntry, ...]:
    """The nodes of nodes.json. Raises ConfigError."""
    try:
        is_open = is_open_to_others(path)
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise ConfigError(
            f"nodes.registry {path} cannot be read ({reason}): vuzol provision makes it, or correct the path."
        ) from None
    if is_open:
        raise ConfigError(f"nodes.registry {path} holds keys and may be read by others: type chmod 600 {path}.")
    try:
        return read_registry(text, load_masters(master_key))
    except RegistryError as error:
        raise ConfigError(f"nodes.registry {path}: {error}: correct the entry, or nodes.master_key.") from None
