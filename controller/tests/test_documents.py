"""Documents: who is offered which version, what is answered to requests, what stands in the API, over restarts too.

Never starts a server; the peer is the smallest honest node.
Specification: protocols/WIRE.md, "Documents".
"""

import hashlib
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from controller.services.documents import MAX_PULLING, OFFER_AGAIN_S
from controller.tests.asking import asking
from controller.tests.peer import Peer, make_entry
from controller.tests.playbook import Playbook, playing
from controller.tests.waiting import until
from protocols.wire import document as wire
from protocols.wire.messages import document

BUS = make_entry(1)
SIGN = make_entry(2, "stop_display", stop_id="s3", width=16, height=8)
FONT = bytes(range(256)) * 10
PATH = "/api/v1/documents"


@pytest.fixture
async def book(tmp_path: Path) -> AsyncIterator[Playbook]:
    async with playing(tmp_path, [BUS, SIGN]) as playing_book:
        yield playing_book


async def put(book: Playbook, name: str = "font", data: bytes = FONT, **params: str | int) -> int:
    async with asking(book) as client:
        return (await client.put(f"{PATH}/{name}", content=data, params=params)).status_code


async def copies(book: Playbook) -> list[tuple[str, int, int, str, str]]:
    async with asking(book) as client:
        told = (await client.get(PATH)).json()
    return [(one["node"][-1], one["wanted"], one["held"], one["state"], one["reason"]) for one in told["copies"]]


async def online(book: Playbook, *peers: Peer) -> None:
    book.attach(*peers)
    for peer in peers:
        peer.boot()
        await book.send(peer, peer.batch())


def _has_chunks(sign: Peer, count: int) -> bool:
    return len(sign.chunks) == count


async def test_a_node_is_offered_what_it_lacks_and_pulls_it(book: Playbook) -> None:
    sign = Peer(SIGN)
    await online(book, sign)
    assert await put(book, kind="stop_display") == 200
    book.town.documents.offer_due()
    (offer,) = sign.offers
    assert offer == wire.Offer(wire.FONT, 1, len(FONT), hashlib.sha256(FONT).digest(), b"")
    for offset in range(0, len(FONT), wire.CHUNK_SIZE):
        size = min(wire.CHUNK_SIZE, len(FONT) - offset)
        book.town.ingest.receive(sign.up, sign.request(wire.FONT, 1, offset, size))
        assert await copies(book) == [("2", 1, 0, "pulling", "")]
        await until(partial(_has_chunks, sign, offset // wire.CHUNK_SIZE + 1))
    assert b"".join(chunk.data for chunk in sign.chunks) == FONT
    sign.tell_document(wire.FONT, 1, document.OUTCOME_STORED, document.REASON_NONE, 1)
    await book.send(sign, sign.batch())
    assert await copies(book) == [("2", 1, 1, "held", "")]
    book.clock.advance(2 * OFFER_AGAIN_S)
    await book.send(sign, sign.batch())
    book.town.documents.offer_due()
    assert len(sign.offers) == 1


async def test_the_newest_version_whose_scope_a_node_is_in_is_the_one_it_is_offered(book: Playbook) -> None:
    bus, sign = Peer(BUS), Peer(SIGN)
    await put(book, data=b"for all")
    await put(book, data=b"for signs", kind="stop_display")
    await put(book, data=b"for the bus", node="0000000000000001")
    await online(book, bus, sign)
    book.town.documents.offer_due()
    assert [one.version for one in bus.offers] == [3]
    assert [one.version for one in sign.offers] == [2]


async def test_nobody_is_offered_anything_while_offline_and_an_offer_is_repeated_after_a_while(book: Playbook) -> None:
    sign = Peer(SIGN)
    book.attach(sign)
    await put(book)
    book.town.documents.offer_due()
    assert sign.offers == []
    await online(book, sign)
    for _ in range(3):
        book.town.documents.offer_due()
    assert len(sign.offers) == 1
    book.clock.advance(OFFER_AGAIN_S + 1)
    await book.send(sign, sign.batch())
    book.town.documents.offer_due()
    assert len(sign.offers) == 2


async def test_what_a_node_refused_is_offered_again_only_after_its_next_start(book: Playbook) -> None:
    sign = Peer(SIGN)
    await online(book, sign)
    await put(book)
    book.town.documents.offer_due()
    sign.tell_document(wire.FONT, 1, document.OUTCOME_REFUSED, document.REASON_NO_SPACE, 0)
    await book.send(sign, sign.batch())
    assert await copies(book) == [("1", 1, 0, "waiting", ""), ("2", 1, 0, "refused", "no_space")]
    book.clock.advance(2 * OFFER_AGAIN_S)
    await book.send(sign, sign.batch())
    book.town.documents.offer_due()
    assert len(sign.offers) == 1
    sign.boot_id = 2
    await online(book, sign)
    book.town.documents.offer_due()
    assert len(sign.offers) == 2


async def test_only_so_many_nodes_pull_at_a_time(tmp_path: Path) -> None:
    entries = [make_entry(number) for number in range(1, MAX_PULLING + 10)]
    async with playing(tmp_path, entries, jobs=False) as book:
        peers = [Peer(entry) for entry in entries]
        await online(book, *peers)
        await put(book)
        book.town.documents.offer_due()
        offered = [peer for peer in peers if peer.offers]
        assert len(offered) == MAX_PULLING
        book.town.documents.offer_due()
        assert [peer for peer in peers if peer.offers] == offered
        for peer in offered:
            book.town.ingest.receive(peer.up, peer.request(wire.FONT, 1, 0))
        book.town.documents.offer_due()
        assert [peer for peer in peers if peer.offers] == offered


async def test_a_request_for_what_is_not_out_there_any_more_gets_the_next_offer_instead(book: Playbook) -> None:
    sign = Peer(SIGN)
    await online(book, sign)
    await put(book)
    book.town.documents.offer_due()
    await put(book, data=b"newer")
    book.town.ingest.receive(sign.up, sign.request(wire.FONT, 1, 0))
    book.town.documents.offer_due()
    assert [one.version for one in sign.offers] == [1, 2]
    assert sign.chunks == []


async def test_documents_and_who_holds_them_are_known_after_a_restart(tmp_path: Path) -> None:
    sign = Peer(SIGN)
    async with playing(tmp_path, [BUS, SIGN]) as book:
        await online(book, sign)
        await put(book, version=7)
        sign.tell_document(wire.FONT, 7, document.OUTCOME_STORED, document.REASON_NONE, 7)
        await book.send(sign, sign.batch())
    async with playing(tmp_path, [BUS, SIGN]) as book:
        assert await copies(book) == [("1", 7, 0, "waiting", ""), ("2", 7, 7, "held", "")]
        assert await put(book, version=7) == 409
        assert await put(book) == 200
        assert [row.version for row in book.town.documents.rows()] == [8]


async def test_what_cannot_be_put_out_is_refused_in_one_sentence(book: Playbook) -> None:
    assert await put(book, "recipe") == 404
    assert await put(book, kind="toaster") == 404
    assert await put(book, node="00000000000000ff") == 404
    assert await put(book, data=b"") == 422
    assert await put(book, signature="00") == 422
    assert await put(book, kind="stop_display", node="0000000000000002") == 422
    assert await put(book, "deny_list") == 422
    assert await put(book, "deny_list", signature="5a" * 64) == 200
    (row,) = book.town.documents.rows()
    assert (row.signature, row.size) == (b"\x5a" * 64, len(FONT))


async def test_a_request_that_is_not_authentic_or_nonsense_is_counted(book: Playbook) -> None:
    sign = Peer(SIGN)
    await online(book, sign)
    good = sign.request(wire.FONT, 1, 0)
    for broken in (good[:-1] + bytes((good[-1] ^ 1,)), sign.request(wire.FONT, 1, 0, 0), sign.request(1, 0, 0)):
        book.town.ingest.receive(sign.up, broken)
    assert book.metrics.refusals() == {"wrong_mac": 1, "malformed": 2}
