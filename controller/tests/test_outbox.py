"""Ids of commands: they grow whatever the clock and the process do, because nodes take only ids that grow.

Never sends to a transport. Specification: controller/outbox.py; protocols/WIRE.md, "Commands".
"""

from pathlib import Path

from controller.commands import AssignTrip
from controller.tests.peer import START_MS, Peer, make_entry
from controller.tests.playbook import Clock, Playbook, playing
from controller.tests.waiting import until

BUS = make_entry(1, vehicle=17)
HOUR_S = 3600


async def ordered(book: Playbook, bus: Peer) -> int:
    """The id that a command gets now."""
    await until(lambda: book.store.reserved_ids() > 0)
    book.attach(bus)
    return book.town.outbox.order(book.town.sessions.by_node[BUS.node], AssignTrip(1, "5"), 60)


async def test_ids_grow_over_a_restart_though_the_clock_was_an_hour_ahead(tmp_path: Path) -> None:
    bus, clock = Peer(BUS), Clock(START_MS + HOUR_S * 1000)
    async with playing(tmp_path, [BUS], clock=clock) as book:
        ids = [await ordered(book, bus) for _ in range(2)]
    clock.advance(-HOUR_S)
    async with playing(tmp_path, [BUS], clock=clock) as book:
        ids += [await ordered(book, bus) for _ in range(2)]
    assert ids == sorted(set(ids))
    assert [one.command_id for one in bus.commands] == ids
