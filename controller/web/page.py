"""The page: its parts in reading order, and how a moment reaches them.

Never works anything out; every part shows what the scene says. One instance is one open browser page.
Specification: controller/web/README.md.
"""

from nicegui import ui

from controller.web.dom import box
from controller.web.language import Catalogue
from controller.web.panels.attention import Attention
from controller.web.panels.chart import ChartPanel, Past
from controller.web.panels.device_table import DevicesPanel
from controller.web.panels.displays import DisplaysPanel
from controller.web.panels.figures import FiguresPanel
from controller.web.panels.header import Header
from controller.web.panels.ledger_table import LedgerPanel
from controller.web.panels.node_table import NodesPanel
from controller.web.panels.town_map import TownMap
from controller.web.pulse import Moment
from controller.web.wording import Words


class TownPage:
    """What is wrong first, then the figures, the town and its displays, then the tables."""

    def __init__(self, words: Words, catalogues: dict[str, Catalogue], moment: Moment, past: Past | None) -> None:
        self._language = words.language
        scene = moment.scenes[self._language]
        ui.page_title(words.say("title", site=scene.site))
        self._header = Header(words, catalogues, scene)
        with box("main", "page", id="content", tabindex="-1"):
            self._attention = Attention(words, scene)
            self._figures = FiguresPanel(words, scene)
            with box("div", "stage"):
                self._map = TownMap(words, moment, scene)
                self._displays = DisplaysPanel(words, scene)
            with box("div", "books"):
                self._nodes = NodesPanel(words, moment)
                self._ledger = LedgerPanel(words, moment, scene)
            self._devices = DevicesPanel(words, moment) if moment.snapshot.devices else None
            self._chart = ChartPanel(words, past) if past else None

    def show(self, moment: Moment) -> None:
        """Bring every part up to this moment; parts that did not change send nothing."""
        scene = moment.scenes[self._language]
        self._header.show(scene)
        self._attention.show(scene)
        self._figures.show(scene)
        self._map.show(moment, scene)
        self._displays.show(scene)
        self._nodes.show(moment)
        self._ledger.show(moment, scene)
        if self._devices:
            self._devices.show(moment)
        if self._chart:
            self._chart.show()
