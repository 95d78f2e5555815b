"""Rollouts: whose turn it is, what stops them, who may start one, over a restart too.

Never runs firmware: the peer is the smallest honest node, and a release is signed by a key made here.
Specification: README.md of controller, "Updates"; protocols/WIRE.md, "Firmware".
"""

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from controller.services.documents import DocumentRefused
from controller.services.rollout import FAILURES, LOST_S, PAUSED, RUNNING, STOPPED
from controller.services.rollout_plan import Plan
from controller.tests.asking import asking
from controller.tests.peer import Peer, make_entry
from controller.tests.playbook import Playbook, playing
from protocols import release
from protocols.wire import document as wire
from protocols.wire.messages import document

SIGNS = [make_entry(number, "stop_display", stop_id=f"s{number}", width=16, height=8) for number in range(1, 11)]
BUS = make_entry(99)
PATH = "/api/v1/updates"
AT_ONCE = Plan(waves=(1.0,), soak_s=0)


def made(counter: int = 1, *, signed: bool = True, kinds: tuple[str, ...] = ("stop_display",)) -> bytes:
    built = release.build(
        {"firmware/nodes/stop_display.mpy": bytes(range(256)) * 4 * counter},
        board="unix",
        kinds=kinds,
        counter=counter,
        image=1,
        firmware=(0, 2, counter),
    )
    return (release.sign(built, Ed25519PrivateKey.generate()) if signed else built).pack()


@pytest.fixture
async def book(tmp_path: Path) -> AsyncIterator[Playbook]:
    async with playing(tmp_path, [*SIGNS, BUS], jobs=False) as playing_book:
        yield playing_book


async def online(book: Playbook, *peers: Peer) -> None:
    book.attach(*peers)
    for peer in peers:
        peer.boot()
        await book.send(peer, peer.batch())


async def tells(book: Playbook, peer: Peer, outcome: int, reason: int = 0, held: int = 0, version: int = 1) -> None:
    peer.tell_document(wire.FIRMWARE, version, outcome, reason, held)
    await book.send(peer, peer.batch())


async def confirms(book: Playbook, peer: Peer, version: int = 1) -> None:
    """The whole way of an update that goes well."""
    await tells(book, peer, document.OUTCOME_STORED, version=version)
    peer.boot()
    await tells(book, peer, document.OUTCOME_TRIAL, version=version)
    await tells(book, peer, document.OUTCOME_CONFIRMED, held=version, version=version)


def goes_out(book: Playbook, seconds: float = 0) -> None:
    book.clock.advance(seconds)
    book.town.rollouts.step()
    book.town.documents.offer_due()


def states(book: Playbook) -> Counter[str]:
    return Counter(book.town.rollouts.views()[0].states)


async def test_a_release_goes_out_in_waves_and_each_proves_the_next(book: Playbook) -> None:
    peers = [Peer(sign) for sign in SIGNS]
    await online(book, *peers)
    await book.town.rollouts.start(made(), Plan(waves=(0.1, 0.5, 1.0), soak_s=600), "olena")
    goes_out(book)
    (first,) = [peer for peer in peers if peer.offers]
    await confirms(book, first)
    goes_out(book, 1)
    goes_out(book, 590)
    assert sum(bool(peer.offers) for peer in peers) == 1  # it is looked at for ten minutes
    goes_out(book, 20)
    await online(book, *peers)  # or they would count as silent by now
    goes_out(book, 1)
    second = [peer for peer in peers if peer.offers and peer is not first]
    assert len(second) == 4
    for peer in second:
        await confirms(book, peer)
    goes_out(book, 1)
    await online(book, *peers)
    goes_out(book, 601)
    await online(book, *peers)
    goes_out(book, 1)
    assert all(peer.offers for peer in peers)


async def test_a_wave_that_fails_pauses_the_rollout_and_names_the_causes(book: Playbook) -> None:
    peers = [Peer(sign) for sign in SIGNS]
    await online(book, *peers)
    await book.town.rollouts.start(made(), Plan(waves=(0.5, 1.0), soak_s=0), "olena")
    goes_out(book)
    bad, *others = [peer for peer in peers if peer.offers]
    await tells(book, bad, document.OUTCOME_ROLLED_BACK, document.REASON_HUNG)
    for peer in others:
        await confirms(book, peer)
    goes_out(book, 1)
    (view,) = book.town.rollouts.views()
    assert (view.state, view.reason) == (PAUSED, FAILURES)
    (failed,) = [way for way in book.town.rollouts.nodes(1) if way.state == "rolled_back"]
    assert (failed.node, failed.reason) == (bad.entry.node.hex(), "hung")
    goes_out(book, 1)
    assert sum(bool(peer.offers) for peer in peers) == 5


async def test_a_paused_rollout_answers_no_request_and_goes_on_when_it_is_resumed(book: Playbook) -> None:
    sign = Peer(SIGNS[0])
    await online(book, sign)
    await book.town.rollouts.start(made(), AT_ONCE, "olena")
    goes_out(book)
    await book.town.rollouts.change(1, PAUSED, "rush hour")
    assert book.town.rollouts.turn_of(sign.entry.node) == 0
    await book.town.rollouts.change(1, RUNNING, "")
    assert book.town.rollouts.turn_of(sign.entry.node) == 1
    await book.town.rollouts.change(1, STOPPED, "a better one comes")
    with pytest.raises(DocumentRefused, match="was stopped"):
        await book.town.rollouts.change(1, RUNNING, "")


async def test_nothing_leaves_outside_of_the_maintenance_window(book: Playbook) -> None:
    sign = Peer(SIGNS[0])
    await online(book, sign)
    now = book.clock.now_ms // 1000 % 86_400 // 3600  # UTC; Kyiv is two or three hours ahead
    closed = f"{(now + 6) % 24:02}:00-{(now + 7) % 24:02}:00"
    await book.town.rollouts.start(made(), AT_ONCE.model_copy(update={"windows": (closed,)}), "olena")
    goes_out(book)
    assert not sign.offers
    wide = f"{(now + 1) % 24:02}:00-{(now + 5) % 24:02}:00"
    await book.town.rollouts.change(1, STOPPED, "")
    await book.town.rollouts.start(made(), AT_ONCE.model_copy(update={"windows": (wide,)}), "olena")
    goes_out(book)
    assert len(sign.offers) == 1


async def test_on_a_line_that_nodes_share_two_pull_and_who_has_it_whole_makes_room(book: Playbook) -> None:
    book.town.bus_of = lambda node: "cellar" if node[-1] <= 4 else ""
    peers = [Peer(sign) for sign in SIGNS]
    await online(book, *peers)
    await book.town.rollouts.start(made(), AT_ONCE, "olena")
    goes_out(book)
    on_the_line = [peer for peer in peers[:4] if peer.offers]
    assert len(on_the_line) == 2
    assert all(peer.offers for peer in peers[4:])
    await tells(book, on_the_line[0], document.OUTCOME_STORED)
    goes_out(book, 1)
    assert sum(bool(peer.offers) for peer in peers[:4]) == 3


async def test_who_comes_late_joins_and_who_is_of_another_board_is_no_failure(book: Playbook) -> None:
    early, late, other = (Peer(sign) for sign in SIGNS[:3])
    await online(book, early, other)
    await book.town.rollouts.start(made(), AT_ONCE, "olena")
    goes_out(book)
    await tells(book, other, document.OUTCOME_REFUSED, document.REASON_WRONG_BOARD)
    await confirms(book, early)
    goes_out(book, 1)
    await online(book, late)
    goes_out(book, 1)
    assert len(late.offers) == 1
    assert states(book) == {"confirmed": 1, "unfit": 1, "offered": 1, "waiting": 7}
    assert book.town.rollouts.views()[0].state == RUNNING


async def test_a_node_that_is_not_heard_of_after_its_restart_has_failed(book: Playbook) -> None:
    sign = Peer(SIGNS[0])
    await online(book, sign)
    await book.town.rollouts.start(made(), AT_ONCE, "olena")
    goes_out(book)
    await tells(book, sign, document.OUTCOME_STORED)
    goes_out(book, LOST_S + 1)
    assert states(book)["lost"] == 1
    assert book.town.rollouts.views()[0].state == PAUSED


async def test_a_node_waits_for_the_newest_release_that_may_still_reach_it(book: Playbook) -> None:
    sign = Peer(SIGNS[0])
    await online(book, sign)
    await book.town.rollouts.start(made(1), AT_ONCE, "olena")
    await book.town.rollouts.start(made(2), AT_ONCE, "olena")
    goes_out(book)
    assert [offer.version for offer in sign.offers] == [2]


async def test_a_rollout_survives_the_controllers_restart(tmp_path: Path) -> None:
    done, away = Peer(SIGNS[0]), Peer(SIGNS[1])
    async with playing(tmp_path, SIGNS) as book:
        await online(book, done)
        await book.town.rollouts.start(made(), AT_ONCE, "olena")
        goes_out(book)
        await confirms(book, done)
        await book.town.rollouts.change(1, PAUSED, "for the night")
    async with playing(tmp_path, SIGNS, jobs=False) as book:
        (view,) = book.town.rollouts.views()
        assert (view.state, view.reason, view.started_by) == (PAUSED, "for the night", "olena")
        await book.town.rollouts.change(1, RUNNING, "")
        await online(book, away)
        goes_out(book)
        assert len(away.offers) == 1
        assert states(book)["confirmed"] == 1


@pytest.mark.parametrize(
    ("packed", "status"),
    [(b"no release", 422), (made(signed=False), 422), (made(kinds=("air_sensor",)), 422), (made()[:-9], 422)],
)
async def test_what_is_no_signed_release_for_this_registry_is_refused(
    book: Playbook, packed: bytes, status: int
) -> None:
    async with asking(book) as client:
        answer = await client.put(PATH, content=packed, params={"dry_run": True})
    assert answer.status_code == status
    assert "detail" in answer.json()


async def test_a_dry_run_shows_the_waves_and_a_start_waits_for_a_second_person(book: Playbook) -> None:
    async with asking(book) as client:
        asked: dict[str, Any] = {"waves": [0.1, 1.0], "kinds": ["stop_display"]}
        told = (await client.put(PATH, content=made(), params=asked | {"dry_run": True})).json()
        assert [len(wave) for wave in told["waves"]] == [1, 9]
        assert (told["version"], told["board"], told["proposal"]) == (1, "unix", 0)
        proposed = await client.put(PATH, content=made(), params=asked)
        assert proposed.status_code == 202
        assert (await client.get(PATH)).json() == []
        (open_one,) = (await client.get("/api/v1/proposals")).json()
        assert open_one["parameters"]["plan"]["waves"] == [0.1, 1.0]
        assert (open_one["parameters"]["firmware"], open_one["parameters"]["board"]) == (told["firmware"], "unix")
        own = await client.post(f"/api/v1/proposals/{open_one['id']}/confirm")
        assert own.status_code == 403  # another person, with a login
