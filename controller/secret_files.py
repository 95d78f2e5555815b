"""Files that hold secrets: read only when nobody else may, written whole or not at all.

Never shows what is in one, and never repairs one's mode: whoever could read it may have read it.
Specification: systemd.exec(5), "Credentials": those are readable by an access list, which looks like a group's right.
"""

import os
import stat
from contextlib import suppress
from pathlib import Path


class SecretFault(Exception):
    """The file cannot be used; the text is one sentence that says what to do."""


def is_open_to_others(path: Path) -> bool:
    """True when somebody else may read it, or write it."""
    mode = stat.S_IMODE(path.stat().st_mode)
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    if credentials and path.resolve().is_relative_to(Path(credentials).resolve()):
        mode &= ~0o040
    return bool(mode & 0o077)


def read_secrets(path: Path, key: str) -> str:
    """The whole file, which is not empty; `key` is what named it. Raises SecretFault."""
    try:
        if is_open_to_others(path):
            raise SecretFault(f"{key} {path} may be read by others: type chmod 600 {path}.")
        if text := path.read_text(encoding="utf-8").strip():
            return text
    except (OSError, UnicodeDecodeError):
        pass
    raise SecretFault(f"{key} {path} cannot be read: write the secret into its first line.")


def read_secret(path: Path, key: str) -> str:
    """The first line alone. Raises SecretFault."""
    return read_secrets(path, key).splitlines()[0]


def write_secret(path: Path, text: str) -> None:
    """Write `text` whole or not at all, readable by its owner alone. Raises OSError."""
    draft = path.with_name(path.name + ".new")
    with suppress(FileNotFoundError):
        draft.unlink()
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
