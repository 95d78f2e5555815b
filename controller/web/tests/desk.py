"""A desk made by hand: what the pages ask beside the town, for tests of what they show. The people are real.

Never starts a controller. Specification: controller/web/desk.py.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from controller.access.access import Access
from controller.access.audit import Note
from controller.config import Config, SiteConfig, StoreConfig
from controller.metrics import Metrics
from controller.services.documents import CopyView
from controller.services.live import LedgerRow
from controller.services.node_file import Happening, NodeFile
from controller.services.period import read_period
from controller.services.usage import Usage
from controller.store.sqlite import SqliteStore
from controller.store.writing import WriterThread
from controller.town import Town
from controller.web.desk import Desk
from controller.web.tests.houses import (
    CLINIC,
    COMMENT,
    HALL,
    HEAT,
    POWER,
    SCHOOL,
    STREET,
    WATER,
    enter_houses,
    keep_alarms,
    past_alarms,
)
from controller.web.tests.past import HandMadePast
from controller.web.tests.town import START_S
from controller.web.tests.town import town as well
from protocols.wire.messages.index import KINDS

# What stands on the pages because it was said here.
TOLD = {"olena", "petro", "grafana", "user petro", "/api/v1/users", "locked: false → true"}
TOLD |= {SCHOOL, CLINIC, STREET, POWER, HALL, WATER, HEAT, f"{SCHOOL} · {POWER}", f"olena: {COMMENT}"}


async def node_file(node: str) -> NodeFile:
    """An event, a command, a document, a loss, a start; the same for every node."""
    status = {
        "uptime_s": 96_000,
        "heap_free": 81_232,
        "journal_erases": 12,
        "link_connects": 3,
        "task_restarts": 0,
        "peripheral_faults": 2,
    }
    told = (
        ("event", {"code": "peripheral_fault", "severity": "error", "detail": 0, "text": "panel: no answer"}),
        ("result", {"command_id": int((START_S - 70) * 1e6), "outcome": "done", "reason": "none"}),
        ("document", {"type": "timetable", "version": 4, "outcome": "stored", "reason": "none", "held_version": 4}),
        ("gap", {"first_seq": 11, "last_seq": 12, "reason": "torn_write"}),
        ("boot", {"firmware": "0.1.0", "reset_cause": "power_on", "journal_depth": 7}),
    )
    happenings = tuple(
        Happening(90 - n, kind, START_S - 60 * n, "corrected" if kind == "boot" else "receipt", fields)
        for n, (kind, fields) in enumerate(told)
    )
    copies = (CopyView(node, "timetable", 5, 4, "pulling", 2048, ""), CopyView(node, "font", 1, 1, "held", 0, ""))
    return NodeFile(Happening(91, "status", START_S - 12, "receipt", status), happenings, copies)


def accounts(first: str, last: str) -> tuple[LedgerRow, ...]:
    """Of any period: two nodes."""
    read_period(first or None, last or None, "Europe/Kyiv")
    return well().ledger[:2]


@contextmanager
def desk_in(folder: Path) -> Iterator[Desk]:
    """All there is; the people's database is in `folder`."""
    config = Config(site=SiteConfig(data=str(folder)), store=StoreConfig(path=str(folder / "people.sqlite3")))
    with (
        closing(SqliteStore.open(Path(config.store.path))) as store,
        closing(WriterThread()) as writer,
        closing(Access(config, writer, lambda: int(START_S * 1000))) as access,
    ):
        access.people.add("olena", ["administrator"], "a hash of a password")
        access.people.add("petro", ["dispatcher", "technician"], "")
        access.tokens.add("petro", "grafana", ["metrics.see"], 90)
        petro = {"name": "petro", "locked": False}
        access.audit.add(Note("olena", "user", "people.manage", "user petro", petro, petro | {"locked": True}, "done"))
        access.audit.add(Note("petro", "user", "people.manage", "/api/v1/users", None, None, "refused"))
        enter_houses(store.buildings)
        keep_alarms(store.alarms, past_alarms())
        town = Town(config, [], store, writer, Metrics(dict(KINDS)), lambda: int(START_S * 1000))
        yield Desk(
            past=HandMadePast(),
            node_file=node_file,
            accounts=accounts,
            alarms=town.alarms,
            usage=Usage(town.buildings, lambda: "Europe/Kyiv", town.now_s),
            access=access,
            audit=access.audit,
        )
