"""What the commands say to people, in Ukrainian and English.

Never holds text itself: it lives in tools/messages/*.toml.
Specification: style rule 17.
"""

import os
import tomllib
from functools import cache
from pathlib import Path

LANGUAGES = ("uk", "en")
_FOLDER = Path(__file__).parent / "messages"


def default_language() -> str:
    """Ukrainian where the environment asks for it (LC_ALL, LC_MESSAGES, LANG), else English."""
    wanted = next((value for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (value := os.environ.get(name))), "")
    return "uk" if wanted.lower().startswith(("uk", "ua")) else "en"


@cache
def catalogue(language: str) -> dict[str, str]:
    """Every text of one language."""
    files = sorted(_FOLDER.glob(f"*{language}.toml"))
    return {key: str(text) for file in files for key, text in tomllib.loads(file.read_text(encoding="utf-8")).items()}


def say(language: str, key: str, /, **values: object) -> str:
    """One text with its values filled in. Raises KeyError for an unknown key."""
    return catalogue(language)[key].format(**values)
