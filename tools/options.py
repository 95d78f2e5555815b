"""Options that many commands share, and how they are read.

Never does a command's work. Specification: tools/README.md.
"""

from pathlib import Path
from typing import Annotated

import typer

from tools.controller_api import DEFAULT_URL
from tools.errors import UsageError
from tools.texts import LANGUAGES, default_language

Language = Annotated[str, typer.Option("--lang", help="Language of the messages: uk or en.", show_default="from LANG")]
Json = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]
Url = Annotated[str, typer.Option(help="The controller's address.", show_default=DEFAULT_URL)]
Configuration = Annotated[
    Path | None, typer.Option("--config", help="Ask the controller that runs with this configuration.")
]
TokenFile = Annotated[
    Path | None, typer.Option("--token-file", help="A token of yours; on the controller's machine --config is enough.")
]


def language_of(value: str) -> str:
    """What was typed, or what the environment says. Raises UsageError."""
    if value and value not in LANGUAGES:
        raise UsageError(f"no language {value!r}: use --lang uk or --lang en")
    return value or default_language()
