"""The registry of the nodes, from its file.

Never logs a key; refuses a file that others may read.
Specification: protocols/provisioning.py.
"""

import stat
from pathlib import Path

from controller.config import ConfigError
from protocols.provisioning import NodeEntry, RegistryError, read_registry


def load_registry(path: Path) -> tuple[NodeEntry, ...]:
    """The nodes of nodes.json. Raises ConfigError."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise ConfigError(
            f"nodes.registry {path} cannot be read ({reason}): make it with vuzol provision, or correct the path."
        ) from None
    if mode & 0o077:
        raise ConfigError(f"nodes.registry {path} holds keys and may be read by others: type chmod 600 {path}.")
    try:
        return read_registry(text)
    except RegistryError as error:
        raise ConfigError(f"nodes.registry {path}: {error}: correct the entry.") from None
