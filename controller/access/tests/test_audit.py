"""The audit: rows that cannot be changed by SQL, a chain that tells when they were, and the way out to syslog.

Specification: access/README.md, "Audit"; RFC 5424.
"""

import contextlib
import json
import re
import socket
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.access.audit import Note, accounting, describe
from controller.access.audit_log import Audit
from controller.access.database import AccessDatabase
from controller.access.syslog import Syslog
from controller.access.tests.running import House

ROWS = 5
RFC5424 = re.compile(
    r"<(\d+)>1 (\S+Z) (\S+) vuzol-demo - audit \[vuzol@32473 id=\"(\d+)\" seal=\"([0-9a-f]{64})\"\] \ufeff(.*)"
)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[AccessDatabase]:
    with contextlib.closing(AccessDatabase.open(tmp_path / "vuzol.sqlite3")) as opened:
        yield opened


@pytest.fixture
def audit(database: AccessDatabase) -> Audit:
    kept = Audit(database, lambda: 1_000_000)
    for number in range(1, ROWS + 1):
        kept.add(Note("olena", "user", "feed.import", f"feed {number}", None, {"name": "Київ"}, "done"))
    return kept


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE audit SET actor = 'taras' WHERE id = 2",
        "DELETE FROM audit WHERE id = 5",
        "INSERT OR REPLACE INTO audit SELECT id, noted_ms, 'taras', via, action, object, before, after, result, seal"
        " FROM audit WHERE id = 2",
        "REPLACE INTO audit SELECT * FROM audit",
    ],
)
def test_sql_adds_rows_and_does_nothing_else_to_them(audit: Audit, database: AccessDatabase, sql: str) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="only added to"), database.writing() as db:
        db.execute(sql)
    assert audit.verify().broken == 0


@pytest.mark.parametrize(
    "column", ["noted_ms", "actor", "via", "action", "object", "before", "after", "result", "seal"]
)
def test_whoever_takes_the_triggers_away_and_changes_a_value_breaks_the_chain_there(
    audit: Audit, database: AccessDatabase, column: str
) -> None:
    other = {"noted_ms": "noted_ms + 1", "seal": "zeroblob(32)"}.get(column, "'\"other\"'")
    with database.writing() as db:
        db.execute("DROP TRIGGER audit_stays")
        db.execute(f"UPDATE audit SET {column} = {other} WHERE id = 3")
    verdict = audit.verify()
    assert (verdict.rows, verdict.broken) == (2, 3)


def test_a_row_taken_out_of_the_middle_breaks_the_chain_and_one_put_in_does_too(
    audit: Audit, database: AccessDatabase
) -> None:
    with database.writing() as db:
        db.execute("DROP TRIGGER audit_is_whole")
        db.execute("DELETE FROM audit WHERE id = 4")
    assert audit.verify().broken == 4
    with database.writing() as db:
        db.execute("DROP TRIGGER audit_grows")
        db.execute("INSERT INTO audit SELECT 4, noted_ms, actor, via, action, object, before, after, result, seal"
                   " FROM audit WHERE id = 3")  # fmt: skip
    assert audit.verify().broken == 4


def test_two_processes_add_to_one_chain(audit: Audit, database: AccessDatabase, tmp_path: Path) -> None:
    with contextlib.closing(AccessDatabase.open(tmp_path / "vuzol.sqlite3")) as other:
        for number, one in enumerate([audit, Audit(other, lambda: 2)] * 3):
            one.add(Note("x", "local", "people.manage", str(number), None, None, "done"))
    assert (audit.verify().rows, audit.verify().broken) == (ROWS + 6, 0)


def test_what_describes_itself_outside_of_a_request_is_not_kept() -> None:
    describe("nothing")
    with accounting("/path") as account:
        assert account.object == "/path"
        describe("node 7", 1, 2)
    assert (account.object, account.before, account.after) == ("node 7", 1, 2)


@pytest.mark.parametrize("kind", ["udp", "unix"])
def test_every_row_reaches_syslog_as_rfc_5424(database: AccessDatabase, tmp_path: Path, kind: str) -> None:
    family = socket.AF_INET if kind == "udp" else socket.AF_UNIX
    with contextlib.closing(socket.socket(family, socket.SOCK_DGRAM)) as listening:
        listening.settimeout(10)
        listening.bind(("127.0.0.1", 0) if kind == "udp" else str(tmp_path / "log"))
        target = f"127.0.0.1:{listening.getsockname()[1]}" if kind == "udp" else str(tmp_path / "log")
        with contextlib.closing(Syslog(target, "demo")) as syslog:
            audit = Audit(database, lambda: 1_732_180_000_123, syslog.send)
            row = audit.add(Note("olena", "user", "people.manage", "user taras", None, {"locked": True}, "done"))
            audit.add(Note("taras", "user", "self.log_in", "10.0.0.9", None, None, "refused"))
        first, second = (listening.recv(4096).decode() for _ in range(2))
    told = RFC5424.fullmatch(first)
    assert told is not None, first
    assert (told[1], told[2], told[4], told[5]) == ("109", "2024-11-21T09:06:40.123Z", "1", row.seal.hex())
    assert json.loads(told[6]) == row.public()
    assert second.startswith("<108>1 "), "a refusal is a warning"


def test_a_syslog_that_is_away_delays_and_fails_nothing(database: AccessDatabase, tmp_path: Path) -> None:
    with contextlib.closing(Syslog(str(tmp_path / "nobody"), "demo")) as syslog:
        audit = Audit(database, lambda: 1, syslog.send)
        audit.add(Note("olena", "user", "people.manage", "user taras", None, None, "done"))
    assert audit.verify().rows == 1


async def test_what_changes_something_is_noted_before_its_answer_leaves_and_looking_is_not(house: House) -> None:
    async with house.asking(cookies=await house.login("administrator")) as client:
        await client.get("/api/v1/town")
        assert house.access.audit.rows() == []
        await client.put("/api/v1/feed", content=b"no zip")
        (row,) = house.access.audit.rows()
        assert row.note[:4] == ("administrator", "user", "feed.import", "/api/v1/feed")
        assert row.note.result == "failed"
        assert (await client.get("/api/v1/audit/verify")).json() == {"rows": 1, "head": row.seal.hex(), "broken": 0}
        await client.put("/api/v1/documents/font", content=b"glyphs")
        row = house.access.audit.rows()[0]
        assert (row.note.object, row.note.result) == ("document font 1", "done")
    async with house.asking(cookies=await house.login("analyst")) as client:
        await client.put("/api/v1/feed", content=b"no zip")
        assert house.access.audit.rows()[0].note.result == "refused"
        pages = (await client.get("/api/v1/audit")).status_code
    assert pages == 403
    assert house.access.audit.rows()[0].note[:4] == ("analyst", "user", "audit.see", "/api/v1/audit")


async def test_where_the_audit_cannot_be_written_the_answer_is_not_that_all_went_well(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Note) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    cookies = await house.login("administrator")
    monkeypatch.setattr(house.access.audit, "add", full)
    async with house.asking(cookies=cookies) as client:
        answer = await client.put("/api/v1/documents/font", content=b"glyphs")
        assert answer.status_code == 503
        assert "audit cannot be written" in answer.json()["detail"]
        assert (await client.get("/api/v1/town")).status_code == 200
