"""Message catalogues: every word of the page, in each language, with its plural forms.

Never knows what a page looks like; it maps keys to text and picks a language for a reader.
Specification: controller/web/README.md, "Words"; plural categories are those of Unicode CLDR.
"""

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

MESSAGES = Path(__file__).parent / "messages"
LANGUAGES = ("uk", "en")
DEFAULT_LANGUAGE = "uk"
PLURAL_CATEGORIES = ("one", "few", "many", "other")


def _plural_uk(n: int) -> str:
    """CLDR's cardinal rule for Ukrainian integers."""
    if n % 10 == 1 and n % 100 != 11:
        return "one"
    if n % 10 in (2, 3, 4) and n % 100 not in (12, 13, 14):
        return "few"
    return "many"


def _plural_en(n: int) -> str:
    return "one" if n == 1 else "other"


PLURALS: Mapping[str, Callable[[int], str]] = {"uk": _plural_uk, "en": _plural_en}
PLURAL_FORMS: Mapping[str, tuple[str, ...]] = {"uk": ("one", "few", "many"), "en": ("one", "other")}


def flatten(table: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """`{"a": {"b": "text"}}` as `{"a.b": "text"}`; the items of a list are numbered from 0."""
    flat: dict[str, str] = {}
    for name, value in table.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping):
            flat.update(flatten(value, f"{key}."))
        elif isinstance(value, list):
            flat.update({f"{key}.{number}": str(item) for number, item in enumerate(value)})
        else:
            flat[key] = str(value)
    return flat


class Catalogue:
    """The messages of one language."""

    def __init__(self, language: str, messages: Mapping[str, str]) -> None:
        self.language = language
        self.messages = messages
        self._category = PLURALS[language]

    def has(self, key: str) -> bool:
        """Whether there is such a message."""
        return key in self.messages

    def say(self, key: str, **values: object) -> str:
        """The message `key` with its `{names}` filled in. Raises KeyError: a missing text is our own fault."""
        text = self.messages[key]
        return text.format_map(values) if values else text

    def count(self, key: str, n: int, **values: object) -> str:
        """The form of message `key` that goes with `n`; `{n}` is the number with its thousands parted."""
        return self.say(f"{key}.{self._category(n)}", n=self.number(n), **values)

    def number(self, n: int) -> str:
        """`n` with thousands parted as this language does it, and a true minus sign."""
        digits = f"{abs(n):,}" if abs(n) >= int(self.messages["format.part_from"]) else str(abs(n))
        return ("\N{MINUS SIGN}" if n < 0 else "") + digits.replace(",", self.messages["format.thousands"])


def read_catalogues(folder: Path = MESSAGES) -> dict[str, Catalogue]:
    """The catalogue of every language, from `<folder>/<language>.toml`."""
    return {
        language: Catalogue(language, flatten(tomllib.loads((folder / f"{language}.toml").read_text("utf-8"))))
        for language in LANGUAGES
    }


def preferred_language(asked: str | None, kept: str | None, accept_language: str) -> str:
    """What the reader asked for, else what was kept from last time, else the browser's (RFC 9110 §12.5.4), else uk."""
    for choice in (asked, kept):
        if choice in LANGUAGES:
            return str(choice)
    ranked: list[tuple[float, str]] = []
    for item in accept_language.split(","):
        tag, _, parameters = item.partition(";")
        try:
            quality = float(parameters.partition("=")[2] or 1)
        except ValueError:
            continue
        ranked.append((-quality, tag.strip().lower().partition("-")[0]))
    ranked.sort(key=lambda entry: entry[0])
    return next((tag for quality, tag in ranked if tag in LANGUAGES and quality < 0), DEFAULT_LANGUAGE)
