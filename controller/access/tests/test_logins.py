"""Logging in as people do it, over the real socket: passwords, codes, waiting, ending; and tokens.

Specification: access/README.md, "Logins" and "Tokens". The clock is moved where minutes have to pass.
"""

import asyncio
import os
import stat
import threading
from pathlib import Path

import httpx
import pyotp
import pytest

from controller.access.access import COOKIE
from controller.access.passwords import MAX_WAITING, NICE, Passwords
from controller.access.refused import Refused
from controller.access.tests.running import PASSWORD, House, running
from controller.secret_files import write_secret
from protocols.sealed_keys import master_text, new_master

LOGIN, ME = "/api/v1/login", "/api/v1/me"


async def log_in(client: httpx.AsyncClient, name: str, password: str = PASSWORD, code: str = "") -> httpx.Response:
    return await client.post(LOGIN, json={"name": name, "password": password, "code": code})


class Clock:
    """Stands still until it is moved; of logins, tokens and codes, while the controller stays in its own time."""

    def __init__(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s = house.access.now_s()
        for part in (house.access.logins, house.access.tokens):
            monkeypatch.setattr(part, "_now_s", lambda: self.now_s)


async def test_a_person_logs_in_is_known_and_logs_out(house: House) -> None:
    async with house.asking() as client:
        assert (await client.get(ME)).status_code == 401
        answer = await log_in(client, "dispatcher")
        assert answer.json() == {"name": "dispatcher", "roles": ["dispatcher"], "via": "user", "has_totp": False}
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        assert "secure" not in cookie, "without TLS a browser would keep it to itself"
        assert (await client.get(ME)).json()["name"] == "dispatcher"
        stolen = client.cookies[COOKIE]
        assert (await client.post("/api/v1/logout")).status_code == 204
        assert (await client.get(ME, headers={"Cookie": f"{COOKIE}={stolen}"})).status_code == 401
    assert [row.note.action for row in house.access.audit.rows()] == ["self.change", "self.log_in"]


async def test_behind_tls_the_cookie_is_secure(house: House) -> None:
    async with house.asking(headers={"X-Forwarded-Proto": "https"}) as client:
        assert "secure" in (await log_in(client, "dispatcher")).headers["set-cookie"].lower()


async def test_neither_cookies_nor_passwords_nor_tokens_stand_in_the_database(house: House) -> None:
    async with house.asking() as client:
        await log_in(client, "dispatcher")
        cookie = client.cookies[COOKIE]
    _, secret = await house.access.write(house.access.tokens.add, "analyst", "x", ["town.see"], 1)
    operator = (house.folder / "data" / "operator.token").read_text(encoding="utf-8").strip()
    kept = b"".join(file.read_bytes() for file in house.folder.glob("vuzol.sqlite3*"))
    assert all(one.encode() not in kept for one in (cookie, secret, operator, PASSWORD))
    assert b"$argon2id$" in kept


async def test_every_wrong_try_doubles_the_wait_for_the_right_password_too_and_for_unknown_names(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(house.access.login_rate, "allow", lambda _: True)
    clock = Clock(house, monkeypatch)
    async with house.asking() as client:
        for name in ("technician", "nobody-of-that-name"):
            told = []
            for _ in range(4):
                answer = await log_in(client, name, "wrong wrong wrong")
                told.append((answer.status_code, answer.json()["detail"]))
            assert [status for status, _ in told] == [401, 401, 401, 429], "alike: nobody learns which names there are"
        assert (await log_in(client, "technician")).status_code == 429
        clock.now_s += 1
        assert (await log_in(client, "technician", "wrong wrong wrong")).status_code == 401
        answer = await log_in(client, "technician")
        assert answer.json()["detail"] == "too many wrong tries: wait 2 s"
        assert answer.headers["Retry-After"] == "2"
        await house.access.write(lambda: house.access.people.lock("technician", locked=False))
        assert (await log_in(client, "technician")).status_code == 200, "an administrator lets in at once"
    refused = [row.note for row in house.access.audit.rows() if row.note.result == "refused"]
    assert {note.actor for note in refused} == {"technician", "unknown"}


async def test_one_address_may_not_try_many_names(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(house.access.login_rate, "_now_s", lambda: 0.0)  # its allowance fills with time
    async with house.asking() as client:
        told = [(await log_in(client, f"name{number}", "wrong wrong wrong")).status_code for number in range(11)]
    assert told == [401] * 10 + [429]


async def test_a_second_factor_is_asked_for_and_each_code_is_good_once(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house.asking() as client, house.asking() as elsewhere:
        await log_in(client, "analyst")
        await log_in(elsewhere, "analyst")
        secret = (await client.get("/api/v1/me/totp")).json()["secret"]
        code = pyotp.TOTP(secret)
        proof = {"password": PASSWORD, "secret": secret, "code": "000000"}
        assert (await client.put("/api/v1/me/totp", json=proof)).status_code == 422
        proof["code"] = code.at(int(house.access.now_s()))
        assert (await client.put("/api/v1/me/totp", json=proof | {"password": "not the password"})).status_code == 401
        assert (await client.put("/api/v1/me/totp", json=proof)).status_code == 204
        assert (await client.get(ME)).json()["has_totp"]
        assert (await elsewhere.get(ME)).status_code == 401, "other logins ended"

        asked = await log_in(elsewhere, "analyst")
        assert (asked.status_code, asked.json()["code_needed"]) == (401, True)
        now = code.at(int(house.access.now_s()))
        assert (await log_in(elsewhere, "analyst", code=now)).status_code == 200
        again = await log_in(elsewhere, "analyst", code=now)
        assert (again.status_code, "code_needed" in again.json()) == (401, False)


async def test_a_second_factor_that_lay_open_is_sealed_at_the_start_and_its_codes_stay_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = pyotp.random_base32()
    async with running(tmp_path, monkeypatch) as house:  # as older versions did: there is no master key
        await house.access.write(house.access.people.set_totp, "analyst", secret)
        assert house.access.people.secrets("analyst").totp == secret
    master = tmp_path / "master.key"
    write_secret(master, master_text([new_master()]))
    async with running(tmp_path, monkeypatch) as house, house.asking() as client:
        assert house.access.people.secrets("analyst").totp.startswith("v1:")
        code = pyotp.TOTP(secret).at(int(house.access.now_s()))
        kept = master.read_text()
        write_secret(master, master_text([new_master()]))
        refused = await log_in(client, "analyst", code=code)
        assert (refused.status_code, "put the master key back" in refused.json()["detail"]) == (503, True)
        write_secret(master, kept)
        assert (await log_in(client, "analyst", code=code)).status_code == 200
        await house.access.write(house.access.people.set_totp, "analyst", secret)
        assert house.access.people.secrets("analyst").totp.startswith("v1:")
    assert secret.encode() not in (tmp_path / "vuzol.sqlite3").read_bytes()


async def test_a_login_ends_by_idling_by_age_and_by_being_one_too_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = "[access]\nidle_minutes = 10\nlogin_hours = 1\nlogins_per_person = 2\n"
    async with running(tmp_path, monkeypatch, limits) as house:
        clock = Clock(house, monkeypatch)
        first, second, third = [{COOKIE: cookie} for cookie in [await _cookie(house) for _ in range(3)]]

        async def is_in(cookie: dict[str, str]) -> bool:
            async with house.asking(cookies=cookie) as client:
                return (await client.get(ME)).status_code == 200

        assert [await is_in(one) for one in (first, second, third)] == [False, True, True]
        for minutes in range(9, 55, 9):
            clock.now_s += 60 * 9
            assert await is_in(third), f"active {minutes} minutes ago"
            await house.access.write(house.access.logins._write_seen)
        assert not await is_in(second), "it idled"
        clock.now_s += 60 * 9
        assert not await is_in(third), "an hour is over"


async def _cookie(house: House) -> str:
    async with house.asking() as client:
        await log_in(client, "auditor")
        return str(client.cookies[COOKIE])


async def test_another_password_and_logging_out_everywhere_end_all_other_logins(house: House) -> None:
    async with house.asking() as here, house.asking() as there:
        await log_in(here, "dispatcher")
        await log_in(there, "dispatcher")
        told = await here.put("/api/v1/me/password", json={"password": PASSWORD, "new": "short"})
        assert told.status_code == 422
        new = "an otter under the bridge"
        assert (await here.put("/api/v1/me/password", json={"password": PASSWORD, "new": new})).status_code == 204
        assert [(await one.get(ME)).status_code for one in (here, there)] == [200, 401]
        assert (await log_in(there, "dispatcher")).status_code == 401
        assert (await log_in(there, "dispatcher", new)).status_code == 200
        assert (await here.post("/api/v1/logout", params={"everywhere": True})).status_code == 204
        assert (await there.get(ME)).status_code == 401


async def test_an_administrator_makes_changes_and_locks_people_but_never_the_last_administrator(house: House) -> None:
    async with house.asking(cookies=await house.login("administrator")) as client:
        person = {"name": "olena", "roles": ["technician"], "password": "seven small stones"}
        assert (await client.post("/api/v1/users", json=person)).status_code == 201
        assert (await client.post("/api/v1/users", json=person)).status_code == 409
        assert (await client.post("/api/v1/users", json=person | {"name": "operator"})).status_code == 422
        assert (await client.post("/api/v1/users", json=person | {"name": "t", "roles": ["king"]})).status_code == 422
        changed = await client.patch("/api/v1/users/olena", json={"roles": ["analyst"], "locked": True})
        assert (changed.json()["roles"], changed.json()["locked"]) == (["analyst"], True)
        for change in ({"locked": True}, {"roles": ["auditor"]}):
            assert (await client.patch("/api/v1/users/administrator", json=change)).status_code == 409
        assert (await client.delete("/api/v1/users/administrator")).status_code == 409
        assert (await client.delete("/api/v1/users/olena")).status_code == 204
        assert (await client.delete("/api/v1/users/olena")).status_code == 404
        rows = (await client.get("/api/v1/audit", params={"action": "people.manage"})).json()
    assert [row["result"] for row in rows] == ["failed", "done", "failed", "failed", "failed", "done"] + [
        "failed"
    ] * 3 + ["done"]
    changed_row = rows[5]
    assert (changed_row["object"], changed_row["before"]["roles"]) == ("user olena", ["technician"])
    assert changed_row["after"]["roles"] == ["analyst"]
    assert "seven" not in str(rows)


async def test_a_token_is_its_person_within_its_scopes_until_it_expires_or_is_revoked(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = {"person": "technician", "label": "push", "scopes": ["town.see", "people.manage"], "days": 2}
    async with house.asking(cookies=await house.login("administrator")) as client:
        assert (await client.post("/api/v1/tokens", json=wanted | {"scopes": ["everything"]})).status_code == 422
        assert (await client.post("/api/v1/tokens", json=wanted | {"days": 9999})).status_code == 422
        made = (await client.post("/api/v1/tokens", json=wanted)).json()
        assert "secret" not in (await client.get("/api/v1/tokens")).json()[0]
        async with house.asking(headers={"Authorization": f"Bearer {made['secret']}"}) as program:
            assert (await program.get("/api/v1/nodes")).status_code == 200
            assert (await program.get("/api/v1/ledger")).status_code == 403, "its person may, its scopes do not say so"
            assert (await program.post("/api/v1/users", json={})).status_code == 403, (
                "its scopes say so, its person may not"
            )
            assert (await program.put("/api/v1/me/password", json={})).status_code == 403
            clock = Clock(house, monkeypatch)
            clock.now_s += 2 * 86_400
            assert (await program.get("/api/v1/nodes")).status_code == 401
            clock.now_s -= 2 * 86_400
            assert (await program.get("/api/v1/nodes")).status_code == 200
            assert (await client.delete(f"/api/v1/tokens/{made['id']}")).status_code == 204
            assert (await program.get("/api/v1/nodes")).status_code == 401
        async with house.asking(headers={"Authorization": "Bearer guessed"}, cookies=client.cookies) as confused:
            assert (await confused.get("/api/v1/nodes")).status_code == 401, "a wrong token is nobody, cookie or not"


async def test_the_operators_token_is_a_file_that_nobody_else_reads_and_another_at_each_start(house: House) -> None:
    file = house.folder / "data" / "operator.token"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    token = file.read_text(encoding="utf-8").strip()
    async with house.asking(headers={"Authorization": f"Bearer {token}"}) as client:
        told = (await client.get(ME)).json()
        assert (told["name"], told["via"]) == ("operator", "local")


async def test_hashing_leaves_the_event_loop_alone_in_a_thread_that_steps_back_and_a_crowd_is_sent_away() -> None:
    passwords = Passwords()
    running_now = [asyncio.create_task(passwords.hashed(PASSWORD, "x")) for _ in range(MAX_WAITING)]
    turns = 0
    while not all(task.done() for task in running_now):
        await asyncio.sleep(0)
        turns += 1
        if turns == 1:
            with pytest.raises(Refused, match="too many people"):
                await passwords.fits("", PASSWORD)
    assert turns > MAX_WAITING
    thread = await asyncio.get_running_loop().run_in_executor(passwords._thread, threading.get_native_id)
    assert os.getpriority(os.PRIO_PROCESS, thread) == os.getpriority(os.PRIO_PROCESS, 0) + NICE
    passwords.close()
