"""One visit: who reads, in which language, at which address, and what there is to ask. Every panel gets it.

Never holds anything of the town. Specification: controller/web/README.md, "Pages".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from controller.web.address import Address
from controller.web.desk import Desk
from controller.web.wording import Words

if TYPE_CHECKING:
    from controller.access.actor import Actor
    from controller.web.pulse import Moment
    from controller.web.scene import Scene


@dataclass(frozen=True, slots=True)
class Visit:
    """It lasts as long as the browser's page."""

    words: Words
    actor: Actor
    address: Address
    desk: Desk

    def scene(self, moment: Moment) -> Scene:
        """The moment in the reader's language."""
        return moment.scenes[self.words.language]
