"""Hostile bytes against the whole controller: a node gone mad that has its key, and files that people upload.

Never lets anything pass that is no refusal, and counts the rows at the end.
Specification: protocol.md, guarantee G9; protocols/tests/fuzz_targets.py for the parsers alone.
"""

from pathlib import Path

from controller.sessions import MAX_HOLES
from controller.tests.asking import asking
from controller.tests.feed_files import street_feed, zipped
from controller.tests.peer import Peer, make_entry
from controller.tests.playbook import playing
from protocols.tests.dice import Dice
from protocols.tests.journals import drained, image_of
from protocols.wire import envelope

V1 = make_entry(1, vehicle=17, vehicle_id="17")
ROUNDS = 1500
UPLOADS = 150


async def test_a_node_gone_mad_costs_counted_refusals_and_the_ledger_still_adds_up(tmp_path: Path) -> None:
    dice = Dice(11)
    node = Peer(V1, boot_id=3)
    for number in range(20):
        node.position(50.0, 36.0) if number % 2 else node.tap()
    node.boot()
    node.declare_gap(3, 5)
    seeds = [(envelope.BATCH, node.up, node.batch()), (envelope.STATE, node.state_topic, node.state())]
    seeds.append((envelope.PICTURE, node.up, node.picture(16, 2, bytes(4))))
    async with playing(tmp_path, [V1]) as book, asking(book) as client:
        for _ in range(ROUNDS):
            kind, topic, sealed = seeds[dice.below(len(seeds))]
            payload = dice.damaged(sealed[envelope.HEADER_SIZE : -16])
            book.town.ingest.receive(topic, envelope.seal(V1.key, kind, V1.node, 3, payload[:4000]))
            if not dice.below(20):
                await book.settle()
        await book.settle()
        assert b"vuzol_handler_errors_total 0.0" in book.metrics.text()
        assert b"vuzol_commit_failures_total 0.0" in book.metrics.text()
        assert sum(book.metrics.refusals().values()) > ROUNDS // 3
        session = book.town.sessions.by_node[V1.node]
        assert len(session.stored.pairs()) <= MAX_HOLES + 64
        (row,) = (await client.get("/api/v1/ledger", params={"verify": True})).json()["rows"]
        assert (row["difference"], row["stored"]) == (0, len(book.stored(node)))
        assert row["stored"] > 20


async def test_whatever_is_uploaded_is_taken_or_refused_in_a_sentence(tmp_path: Path) -> None:
    dice = Dice(12)
    node = Peer(V1)
    for _ in range(9):
        node.tap()
    uploads = {
        "/api/v1/import": drained(V1.node, image_of(list(node.journal.values()), sectors=1)),
        "/api/v1/feed": zipped(street_feed()),
    }
    half_a_letter = uploads["/api/v1/import"].replace(b"/dev/ttyACM0", b"\\ud800")
    async with playing(tmp_path, [V1]) as book, asking(book) as client:
        statuses = {(await client.put("/api/v1/import", content=half_a_letter)).status_code}
        for path, good in uploads.items():
            for number in range(UPLOADS):
                data = dice.noise(dice.below(200)) if number % 10 == 0 else dice.damaged(good)
                answer = await client.put(path, content=data)
                assert answer.json()
                statuses.add(answer.status_code)
        assert statuses <= {200, 404, 409, 422}
        assert 422 in statuses
        await book.send(node, node.batch())
        assert set(book.stored(node)) >= set(node.journal)
