"""Alarms over HTTP, behind the real guard: seen, handled, found again, and kept in the audit.

Never starts a server: the application is asked in memory, over a real database.
Specification: /openapi.json; controller/access/README.md.
"""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from controller.access.access import Access
from controller.access.guard import Guard
from controller.config import AccessConfig, Config, SiteConfig, StoreConfig
from controller.http_alarms import add_alarms
from controller.tests.alarm_town import LONELY, Watched, watching
from protocols.wire.topics import node_name

ALARMS = "/api/v1/alarms"


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Watched]:
    async with watching(tmp_path) as watched:
        yield watched


@contextlib.asynccontextmanager
async def asking(town: Watched, folder: Path) -> AsyncIterator[tuple[httpx.AsyncClient, Access]]:
    config = Config(
        site=SiteConfig(data=str(folder / "data")),
        store=StoreConfig(str(folder / "vuzol.sqlite3")),
        access=AccessConfig(open_as="olia"),
    )
    app = FastAPI()
    add_alarms(app, town.alarms)
    with contextlib.closing(Access(config, town.book.writer, town.book.clock)) as gate:
        guarded = httpx.ASGITransport(Guard(app, gate, 1 << 20))
        async with httpx.AsyncClient(transport=guarded, base_url="http://127.0.0.1") as client:
            yield client, gate


async def test_an_alarm_is_handled_from_its_opening_to_its_proof_and_all_of_it_is_in_the_audit(
    town: Watched, tmp_path: Path
) -> None:
    town.lose(0xA4)
    await town.seconds(7)
    async with asking(town, tmp_path) as (client, gate):
        (alarm,) = (await client.get(ALARMS)).json()["alarms"]
        assert (alarm["kind"], alarm["name"], alarm["severity"]) == ("offline", LONELY.name, "bad")
        one = f"{ALARMS}/{alarm['id']}"
        for step in (
            {"what": "acknowledge"},
            {"what": "assign", "text": "olia"},
            {"what": "comment", "text": "Їду"},
            {"what": "snooze", "until_s": town.book.clock() / 1000 + 3600},
            {"what": "wake"},
        ):
            assert (await client.post(one, json=step)).status_code == 200
        refused = await client.post(one, json={"what": "close", "text": "готово"})
        assert (refused.status_code, refused.json()["detail"][:15]) == (409, "no record shows")
        await town.come_back(0xA4)
        await town.seconds(1)
        told = (await client.get(one)).json()
        assert (told["state"], told["alarm"]["assignee"], told["may_state"]) == ("acknowledged", "olia", False)
        assert told["proofs"][0]["what"] == "boot"
        closed = await client.post(one, json={"what": "close", "proof_seq": told["proofs"][0]["seq"]})
        assert closed.json()["proof"] == told["proofs"][0]
        assert (await client.get(ALARMS)).json()["alarms"] == []
        found = (await client.get(f"{ALARMS}/history", params={"who": "olia", "node": node_name(LONELY.node)})).json()
        assert [one["id"] for one in found["alarms"]] == [alarm["id"]]
        steps = [note["what"] for note in (await client.get(one)).json()["notes"]]
        assert steps == ["opened", "acknowledged", "assigned", "commented", "snoozed", "woke", "closed"]
        noted = [(row.note.action, row.note.object, row.note.result) for row in gate.audit.rows()]
        about = f"alarm {alarm['id']}: offline {node_name(LONELY.node)}"
        assert noted.count(("alarms.handle", about, "done")) == 6
        assert noted.count(("alarms.handle", one, "failed")) == 1


@pytest.mark.parametrize(
    ("step", "status"),
    [
        ({"what": "sing"}, 422),
        ({"what": "assign", "text": "stranger"}, 422),
        ({"what": "comment"}, 422),
        ({"what": "snooze", "until_s": 1}, 422),
        ({"what": "close", "proof_seq": 999}, 409),
    ],
)
async def test_what_makes_no_sense_is_refused_and_changes_nothing(
    town: Watched, tmp_path: Path, step: dict[str, object], status: int
) -> None:
    town.lose(0xA4)
    await town.seconds(7)
    before = town.only()
    async with asking(town, tmp_path) as (client, _):
        assert (await client.post(f"{ALARMS}/{before.id}", json=step)).status_code == status
        assert (await client.post(f"{ALARMS}/99", json={"what": "acknowledge"})).status_code == 404
        assert (await client.get(f"{ALARMS}/99")).status_code == 404
    assert town.only() == before
