"""What the console may ask, put together: the town's services, the database, the people.

Never draws anything: controller/web does. Specification: controller/web/desk.py.
"""

from __future__ import annotations

from controller.access.access import Access
from controller.config import WebConfig
from controller.services.live import LedgerRow
from controller.services.node_file import NodeFiles
from controller.services.period import read_period
from controller.services.usage import Usage
from controller.store import Store
from controller.town import Town
from controller.web.desk import Desk


def make_desk(config: WebConfig, town: Town, store: Store, access: Access) -> Desk:
    """The desk of a running controller."""

    def accounts(first: str, last: str) -> tuple[LedgerRow, ...]:
        asked = read_period(first or None, last or None, town.timezone)
        return town.ledger.of_period(*store.audit_period(asked.from_s, asked.to_s))

    def highest(node: str) -> int:
        return next((row.highest_seq for row in town.live.snapshot().ledger if row.node == node), 0)

    return Desk(
        past=town.history,
        node_file=NodeFiles(store, town.documents, highest).of,
        accounts=accounts,
        alarms=town.alarms,
        usage=Usage(town.buildings, lambda: town.timezone, town.now_s),
        rollouts=town.rollouts,
        proposals=access.proposals,
        access=access,
        audit=access.audit,
        has_people=lambda: any(person.logs_in for person in access.people.all()),
        tiles=config.tiles,
        tiles_credit=config.tiles_credit,
    )
