"""The registry of the nodes, from its file.

Never logs a key; refuses a file that others may read.
Specification: protocols/provisioning.py.
"""

from pathlib import Path

from controller.config import ConfigError
from controller.secret_files import SecretFault, is_open_to_others, read_secrets
from protocols.provisioning import NodeEntry, RegistryError, read_registry
from protocols.sealed_keys import SealBroken, read_masters


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
            f"nodes.registry {path} cannot be read ({reason}): make it with vuzol provision, or correct the path."
        ) from None
    if is_open:
        raise ConfigError(f"nodes.registry {path} holds keys and may be read by others: type chmod 600 {path}.")
    try:
        return read_registry(text, load_masters(master_key))
    except RegistryError as error:
        raise ConfigError(f"nodes.registry {path}: {error}: correct the entry, or nodes.master_key.") from None
