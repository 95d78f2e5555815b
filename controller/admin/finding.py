"""One thing that the doctor found, or found to be well.

Never holds a text: `what` names one of the message catalogues.
Specification: README.md here.
"""

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Finding:
    """`what` names a text of the message catalogues, which says the remedy too; `details` fill it in."""

    check: str
    level: Level
    what: str
    details: dict[str, str | int]
