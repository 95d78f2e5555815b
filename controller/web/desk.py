"""The desk: what the console may ask beside the live town. What is not there, no page shows.

Never asks anything itself. Specification: controller/web/README.md, "Pages".
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from controller.access.access import Access
    from controller.access.audit_log import Audit
    from controller.services.alarms import Alarms
    from controller.services.live import LedgerRow
    from controller.services.node_file import NodeFile
    from controller.services.usage import Usage
    from controller.web.panels.chart import Past

Accounts = Callable[[str, str], "tuple[LedgerRow, ...]"]  # from, to, "" for an open end; raises NoPeriod


@dataclass(frozen=True, slots=True)
class Desk:
    """`tiles`: address of the map's tiles with {z}, {x}, {y}, and who is to be thanked for them; empty: none."""

    past: Past | None = None
    node_file: Callable[[str], Awaitable[NodeFile]] | None = None
    accounts: Accounts | None = None  # slow: it reads the database
    alarms: Alarms | None = None
    usage: Usage | None = None  # buildings and what they consume
    rollouts: Any = None
    proposals: Any = None
    access: Access | None = None  # people and tokens
    audit: Audit | None = None
    has_people: Callable[[], bool] = lambda: True  # somebody could log in
    tiles: str = ""
    tiles_credit: str = ""
