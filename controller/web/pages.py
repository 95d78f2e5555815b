"""The pages of the console: key, address, what one must be allowed, and the parts in reading order.

Never decides who is allowed: access/table.py does. Specification: controller/web/README.md, "Pages".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from controller.web.desk import Desk
from controller.web.panels.alarm_history import AlarmHistoryPanel
from controller.web.panels.audit import AuditPanel
from controller.web.panels.buildings import BuildingsPanel
from controller.web.panels.chart import ChartPanel
from controller.web.panels.device_table import DevicesPanel
from controller.web.panels.displays import DisplaysPanel
from controller.web.panels.figures import FiguresPanel
from controller.web.panels.fleet import FleetPanel
from controller.web.panels.ledger import LedgerPanel
from controller.web.panels.node import NodePanel
from controller.web.panels.now import NowPanel
from controller.web.panels.people import PeoplePanel
from controller.web.panels.town_map import TownMap
from controller.web.panels.updates import UpdatesPanel
from controller.web.panels.usage import UsagePanel
from controller.web.pulse import Moment
from controller.web.visit import Visit


class Panel(Protocol):
    """A part of a page, made for one visit."""

    def show(self, moment: Moment) -> None:
        """Bring up to date; send only what differs."""


@dataclass(frozen=True, slots=True)
class PageRow:
    """One page."""

    key: str
    path: str
    action: str
    panels: tuple[Callable[[Visit, Moment], Panel], ...]
    needs: str = ""  # what of the desk it is made of; without it there is no such page
    under: str = ""  # the page whose way leads here; empty: it has its own


PAGES = (
    PageRow("now", "/", "town.see", (NowPanel, FiguresPanel)),
    PageRow("alarms", "/alarms", "alarms.see", (AlarmHistoryPanel,), needs="alarms", under="now"),
    PageRow("map", "/map", "town.see", (TownMap,)),
    PageRow("fleet", "/fleet", "town.see", (FleetPanel,)),
    PageRow("node", "/fleet/{node}", "town.see", (NodePanel,), under="fleet"),
    PageRow("displays", "/displays", "town.see", (DisplaysPanel,)),
    PageRow("meters", "/meters", "town.see", (ChartPanel, DevicesPanel)),
    PageRow("buildings", "/buildings", "town.see", (BuildingsPanel,), needs="usage"),
    PageRow("usage", "/buildings/{account}", "town.see", (UsagePanel,), needs="usage", under="buildings"),
    PageRow("updates", "/updates", "updates.see", (UpdatesPanel,)),
    PageRow("ledger", "/ledger", "ledger.see", (LedgerPanel,)),
    PageRow("audit", "/audit", "audit.see", (AuditPanel,), needs="audit"),
    PageRow("people", "/people", "people.see", (PeoplePanel,), needs="access"),
)


def pages_of(desk: Desk) -> list[PageRow]:
    """The pages that there are with this desk."""
    return [row for row in PAGES if not row.needs or getattr(desk, row.needs) is not None]
