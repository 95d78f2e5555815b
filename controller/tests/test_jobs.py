"""Jobs that wait for their technicians at a running controller: taken sealed, told, fetched, done; and never readable.

The office and the technician are the test's, with keys of their own; everything is asked over HTTP.
Specification: controller/services/sent_jobs.py, protocols/job.py; README.md of the controller, "Jobs".
"""

import contextlib
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from controller.access.refused import Refused
from controller.services.sent_jobs import DAY_S, MAX_WAITING, SentJobs
from controller.store.sent_jobs import SentJobTable
from controller.store.sqlite import SqliteStore
from controller.store.writing import WriterThread
from controller.tests.peer import make_entry
from controller.tests.process import OPEN, PORTS, controlling, write_files
from controller.tests.test_no_secrets import files_of, found_in
from protocols import signed
from protocols.job import Job, JobNode, make, read
from protocols.signed import public_of

OFFICE, OTHER_OFFICE, TECHNICIAN, COLLEAGUE, STRANGER = (
    Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32) for number in range(1, 6)
)
ENTRIES = [make_entry(0xA1, vehicle=17), make_entry(0xA2, vehicle=18)]
CITY_KEY = "c1" * 32


def job(number: str = "00000001", technician: Ed25519PrivateKey | None = TECHNICIAN, **more: Any) -> Job:
    """Of both nodes, as an office makes it."""
    nodes = []
    for entry in more.pop("entries", ENTRIES):
        settings = {"node": entry.node.hex(), "key": entry.key.hex(), "config": {"city_key": CITY_KEY}}
        nodes.append((JobNode(entry.node.hex(), entry.kind, entry.name, "unix", "", settings), settings))
    key = more.pop("office", OFFICE)
    return make(key, number, 1_700_000_000, "", nodes, public_of(technician) if technician else "")


def commissioned(node: str, green: bool = True) -> str:
    """A technician's signed record."""
    record = {"vuzol_commissioning": 1, "node": node, "time_s": int(time.time()), "green": green}
    signature = signed.sign(TECHNICIAN, signed.COMMISSIONING, record)
    return json.dumps({"record": record, "technician": public_of(TECHNICIAN), "signature": signature})


@contextlib.asynccontextmanager
async def town(folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a controller that knows both nodes, the technician and a colleague."""
    known = f'[commissioning]\ntechnicians = ["{public_of(TECHNICIAN)}", "{public_of(COLLEAGUE)}"]\n'
    config = write_files(folder, ENTRIES, f"{PORTS}{known}[log]\nlevel = 'debug'\n", OPEN)
    async with controlling(config) as controller:
        url = f"http://127.0.0.1:{controller.http_port}"
        async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=30) as client:
            yield client


async def waiting(client: httpx.AsyncClient, technician: Ed25519PrivateKey = TECHNICIAN) -> dict[str, list[str]]:
    """Job -> its nodes that have to be done."""
    answer = await client.get("/api/v1/jobs", params={"technician": public_of(technician)})
    return {one["job"]: list(one["nodes"]) for one in answer.raise_for_status().json()}


async def test_a_job_waits_for_its_technician_until_every_node_of_it_is_commissioned(tmp_path: Path) -> None:
    first, second = (entry.node.hex() for entry in ENTRIES)
    async with town(tmp_path) as client:
        sent = await client.put("/api/v1/jobs", content=job().text())
        assert sent.status_code == 200, sent.text
        assert sent.json()["nodes"] == {entry.node.hex(): entry.name for entry in ENTRIES}
        assert await waiting(client) == {"00000001": [first, second]}
        assert await waiting(client, COLLEAGUE) == {}
        fetched = read((await client.get("/api/v1/jobs/00000001")).text, {public_of(OFFICE)}).open_by(TECHNICIAN)
        assert [fetched.settings(node)["key"] for node in fetched.nodes] == [entry.key.hex() for entry in ENTRIES]
        for report in (commissioned(second, green=False), commissioned(first)):
            (await client.put("/api/v1/commissioning", content=report)).raise_for_status()
        assert await waiting(client) == {"00000001": [second]}, "a red record takes nothing off the list"
        (await client.put("/api/v1/commissioning", content=commissioned(second))).raise_for_status()
        assert await waiting(client) == {}
        assert (await client.get("/api/v1/jobs/00000001")).status_code == 404
        again = await client.put("/api/v1/jobs", content=job().text())
        assert (again.status_code, "already" in again.text) == (409, True)

        unknown = job("00000002", entries=[make_entry(0xA3)])  # the registry's file may come later
        (await client.put("/api/v1/jobs", content=unknown.text())).raise_for_status()
        assert (await client.delete("/api/v1/jobs/00000002")).status_code == 200
        assert (await client.delete("/api/v1/jobs/00000002")).status_code == 404
        assert await waiting(client) == {}
        audit = (await client.get("/api/v1/audit", params={"limit": 50})).json()
        noted = [(row["action"], row["object"], row["result"]) for row in audit if row["action"][:5] == "jobs."]
        assert ("jobs.send", "job 00000001", "done") in noted
        assert ("jobs.fetch", "job 00000001", "done") in noted
        assert ("jobs.send", "job 00000002", "done") in noted


async def test_what_the_controller_does_not_take_is_told_in_a_sentence(tmp_path: Path) -> None:
    handed_over = job()
    changed = job().text().replace(ENTRIES[0].name, "another name", 1)
    refused = {
        "this is no job file": b"[1]",
        "lie open: make it with --for": job(technician=None).text().encode(),
        "commissioning.technicians": job(technician=STRANGER).text().encode(),
        "changed after it was signed": changed.encode(),
        "handed over already": handed_over.without(handed_over.nodes[0]).text().encode(),
        "8 hexadecimal digits": job("../../etc").text().encode(),
        "no job": b'{"plan": ' * 2000,
    }
    async with town(tmp_path) as client:
        for why, content in refused.items():
            answer = await client.put("/api/v1/jobs", content=content)
            assert (answer.status_code, why in answer.json()["detail"]) == (422, True), (why, answer.text)
        too_long = await client.put("/api/v1/jobs", content=b" " * (257 << 10))
        assert too_long.status_code == 413
        assert await waiting(client) == {}
        (await client.put("/api/v1/jobs", content=job().text())).raise_for_status()
        for other in (job(technician=COLLEAGUE), job(office=OTHER_OFFICE)):
            answer = await client.put("/api/v1/jobs", content=other.text())
            assert (answer.status_code, "another job has the number" in answer.text) == (409, True)
        assert read((await client.get("/api/v1/jobs/00000001")).text, None).office == public_of(OFFICE)
        (await client.put("/api/v1/jobs", content=job().text())).raise_for_status()


async def test_no_key_of_a_node_is_in_the_controllers_data_its_log_or_its_answers(tmp_path: Path) -> None:
    known: dict[str, bytes | str] = {"city": bytes.fromhex(CITY_KEY)}
    known |= {entry.name: entry.key for entry in ENTRIES}
    async with town(tmp_path) as client:
        sent = await client.put("/api/v1/jobs", content=job().text())
        await client.put("/api/v1/jobs", content=job(technician=None).text()[:-2])
        answers = {path: (await client.get(path)).content for path in ("/api/v1/jobs", "/api/v1/jobs/00000001")}
        assert sent.status_code == 200
        assert b"00000001" in answers["/api/v1/jobs"]
    files = files_of(tmp_path)
    assert any(b"vuzol_job" in data for data in files.values()), "it is looked for where the job lies"
    assert b"stopping" in files["stderr.log"]
    assert found_in(files | answers | {"sent": sent.content}, known) == []


async def test_a_job_that_nobody_does_is_thrown_away_and_no_technician_is_given_too_many(tmp_path: Path) -> None:
    now_s = 1_700_000_000.0
    path, writer = tmp_path / "vuzol.sqlite3", WriterThread()
    store = SqliteStore.open(path)
    with contextlib.closing(writer), contextlib.closing(store), contextlib.closing(SentJobTable(path)) as table:
        jobs = SentJobs(table, writer, [public_of(TECHNICIAN)], 30, lambda: now_s)
        for number in range(MAX_WAITING):
            await jobs.send(job(f"{number:08x}").text(), "office")
        await jobs.send(job("00000000").text(), "office")
        with pytest.raises(Refused, match="withdraw one first"):
            await jobs.send(job("ffffffff").text(), "office")
        now_s += 30 * DAY_S
        assert len(await jobs.waiting("")) == MAX_WAITING
        now_s += 1
        assert await jobs.waiting("") == []
        with pytest.raises(Refused, match="vuzol job list"):
            await jobs.fetch("00000000")
