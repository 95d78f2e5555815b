"""The guard's other duties: pages elsewhere, sizes, rates, the way to the login page, and the open door.

Specification: access/guard.py, access/open_door.py; who may do what is test_table.py's.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from starlette.datastructures import Headers

from controller.access.audit import Note
from controller.access.guard import MAX_BODY_BYTES
from controller.access.limits import MAX_KEYS, Rate
from controller.access.open_door import OpenDoor
from controller.access.tests.running import House, running
from controller.config import ConfigError, parse

NEW = {"name": "olena", "roles": ["analyst"], "password": "seven small stones"}


async def test_a_page_elsewhere_changes_nothing_with_somebodys_cookie_nor_logs_anybody_in(house: House) -> None:
    for origin in (
        "http://elsewhere.example",
        "null",
        "http://[",
        house.url.replace("127.0.0.1", "localhost"),
        house.url + "0",
    ):
        async with house.asking(cookies=await house.login("administrator"), headers={"Origin": origin}) as client:
            for path in ("/api/v1/users", "/api/v1/login"):
                answer = await client.post(path, json=NEW)
                assert (answer.status_code, "another site" in answer.text) == (403, True)
    async with house.asking(cookies=await house.login("administrator"), headers={"Origin": house.url}) as client:
        assert (await client.post("/api/v1/users", json=NEW)).status_code == 201


async def test_every_answer_tells_the_browser_to_be_careful(house: House) -> None:
    async with house.asking() as client:
        for path in ("/healthz", "/api/v1/town", "/login"):
            headers = (await client.get(path)).headers
            assert headers["x-content-type-options"] == "nosniff"
            assert "frame-ancestors 'none'" in headers["content-security-policy"]


async def test_a_person_without_a_login_is_shown_the_way_and_a_program_is_told(house: House) -> None:
    async with house.asking() as client:
        page = await client.get("/", headers={"Accept": "text/html,*/*"})
        assert (page.status_code, page.headers["location"]) == (303, "/login?next=/")
        told = await client.get("/api/v1/town")
        assert (told.status_code, told.headers["www-authenticate"]) == (401, "Bearer")


async def test_a_body_is_no_larger_than_its_route_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def dripping(size: int) -> AsyncIterator[bytes]:
        for _ in range(size >> 16):
            yield bytes(1 << 16)

    async with running(tmp_path, monkeypatch) as house, house.asking(cookies=await house.login("administrator")) as one:
        for body in (bytes(MAX_BODY_BYTES + 1), dripping(2 * MAX_BODY_BYTES)):
            assert (await one.post("/api/v1/users", content=body)).status_code == 413
        assert (await one.put("/api/v1/feed", content=bytes(2 * MAX_BODY_BYTES))).status_code == 422


async def test_one_who_asks_too_often_is_told_to_wait_and_others_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path, monkeypatch, "[access]\nrequests_per_s = 0.5\n") as house:
        async with house.asking(cookies=await house.login("analyst")) as client:
            told = [await client.get("/api/v1/me") for _ in range(8)]
        assert told[0].status_code == 200
        assert (told[-1].status_code, told[-1].headers["retry-after"]) == (429, "1")
        async with house.asking(cookies=await house.login("auditor")) as client:
            assert (await client.get("/api/v1/me")).status_code == 200


def test_a_bucket_fills_with_time_and_forgets_the_one_who_came_longest_ago() -> None:
    now_s = 100.0
    rate = Rate(2, 4, lambda: now_s)
    assert [rate.allow("a") for _ in range(6)] == [True] * 4 + [False] * 2
    now_s += 1
    assert [rate.allow("a") for _ in range(3)] == [True, True, False]
    now_s -= 50
    assert not rate.allow("a"), "a clock that was set back fills nothing"
    for number in range(MAX_KEYS):
        rate.allow(str(number))
    assert rate.allow("a")


async def test_the_open_door_is_open_to_this_machine_by_its_own_name_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def forget(_: Note) -> None:
        """No audit here."""

    door = OpenDoor("demo", forget)
    for host in ("127.0.0.1:8080", "localhost", "[::1]:8080"):
        assert door.caller(Headers({"host": host})) is not None
    for host in ("rebound.example", "192.168.0.7:8080", "", "[", "0.0.0.0"):
        assert door.caller(Headers({"host": host})) is None
    async with running(tmp_path, monkeypatch, '[access]\nopen_as = "demo"\n') as house, house.asking() as client:
        told = (await client.get("/api/v1/me")).json()
        assert (told["name"], told["via"]) == ("demo", "open")
        assert (await client.get("/api/v1/me", headers={"Host": "rebound.example"})).status_code == 401
        assert (await client.post("/api/v1/users", json=NEW)).status_code == 201
        assert house.access.audit.rows()[0].note[:2] == ("demo", "open")


def test_the_open_door_is_refused_on_a_network(tmp_path: Path) -> None:
    text = '[access]\nopen_as = "demo"\n[http]\nplain = true\nhost = '
    with pytest.raises(ConfigError, match="empty open_as"):
        parse(text + '"0.0.0.0"', {}, tmp_path)
    assert parse(text + '"::1"', {}, tmp_path).access.open_as == "demo"
