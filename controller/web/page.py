"""One open page of the console: the head with the way about, the parts below it, and how a moment reaches them.

Never works anything out; every part shows what the moment says. One instance is one open browser page.
Specification: controller/web/README.md, "Pages".
"""

from __future__ import annotations

from collections.abc import Sequence

from nicegui import ui

from controller.access.table import may
from controller.web.dom import box, text
from controller.web.pages import PageRow, pages_of
from controller.web.panels.header import Header, help_dialog
from controller.web.pulse import Moment
from controller.web.visit import Visit
from controller.web.wording import Words


class ConsolePage:
    """Built when a browser asks, shown each moment while it looks."""

    def __init__(self, row: PageRow, visit: Visit, languages: Sequence[Words], moment: Moment) -> None:
        words = visit.words
        ui.page_title(words.say("title", page=words.say(f"way.{row.key}"), site=moment.snapshot.site))
        ways = [
            (page.key, page.path) for page in pages_of(visit.desk) if not page.under and may(visit.actor, page.action)
        ]
        self._header = Header(visit, moment, languages, ways, row.under or row.key)
        with box("main", f"page page-{row.key}", id="content", tabindex="-1"):
            text("h1", words.say(f"way.{row.key}"), "unseen")
            self._panels = [make(visit, moment) for make in row.panels]
        help_dialog(words, ways)

    def show(self, moment: Moment) -> None:
        """Bring every part up to this moment; parts that did not change send nothing."""
        self._header.show(moment)
        for panel in self._panels:
            panel.show(moment)
