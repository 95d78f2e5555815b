"""Job files: what an office signed is what a technician gets, and the signature outlives the hand-over of the secrets.

Never touches a file.
Specification: protocols/job.py, protocols/signed.py; RFC 8032.
"""

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocols import job as jobs
from protocols.job import JobError, JobNode, NotForYou, Wiped
from protocols.signed import COMMISSIONING, JOB, is_signed, public_of, sign

OFFICE = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
TECHNICIAN = Ed25519PrivateKey.from_private_bytes(b"\x08" * 32)
KEY, OTHER_KEY, CITY_KEY = "11" * 32, "22" * 32, "33" * 32


def settings(key: str) -> dict[str, Any]:
    return {"node": "a1", "key": key, "site": "demo", "uplink": {"unit": 17}, "config": {"city_key": CITY_KEY}}


def made(technician: str = "") -> jobs.Job:
    rows = [settings(KEY), settings(OTHER_KEY)]
    nodes = [(JobNode(f"a{n}", "fare_validator", "Tram", "unix", "", row), row) for n, row in enumerate(rows)]
    return jobs.make(OFFICE, "j1", 1_700_000_000, "", nodes, technician)


def read(text: str) -> jobs.Job:
    return jobs.read(text, {public_of(OFFICE)})


def test_a_technician_gets_the_settings_that_the_office_made() -> None:
    job = read(made().text())
    assert [job.settings(node)["key"] for node in job.nodes] == [KEY, OTHER_KEY]
    assert job.settings(job.nodes[0]) == settings(KEY)
    assert KEY not in repr(job)


def test_after_the_hand_over_the_key_is_gone_and_the_rest_can_still_be_verified() -> None:
    job = read(made().text())
    left = job.without(job.nodes[0])
    assert KEY not in left.text()
    again = read(left.text())
    with pytest.raises(Wiped):
        again.settings(again.nodes[0])
    assert again.settings(again.nodes[1]) == settings(OTHER_KEY)
    last = again.without(again.nodes[1])
    assert CITY_KEY not in last.text(), "the last one takes along what they shared"


@pytest.mark.parametrize("path", [("plan", "made_s"), ("plan", "office"), ("signature",), ("secrets",), ("vuzol_job",)])
def test_whatever_is_changed_is_refused(path: tuple[str, ...]) -> None:
    document = json.loads(made().text())
    inner = document
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = dict.fromkeys(inner["secrets"], "44" * 32) if path == ("secrets",) else 5
    with pytest.raises(JobError):
        read(json.dumps(document))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"plan": 3}', '{"vuzol_job": 1, "plan": {}, "signature": ""}'])
def test_what_is_no_job_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(JobError, match="no job file"):
        read(text)


def test_a_job_of_an_unknown_office_is_refused() -> None:
    with pytest.raises(JobError, match="not trusted"):
        jobs.read(made().text(), set())


def test_a_signature_is_worth_nothing_for_another_purpose() -> None:
    signature = sign(OFFICE, JOB, {"a": 1})
    assert is_signed(public_of(OFFICE), JOB, {"a": 1}, signature)
    assert not is_signed(public_of(OFFICE), COMMISSIONING, {"a": 1}, signature)
    assert not is_signed("nonsense", JOB, {"a": 1}, signature)
    assert not is_signed(public_of(OFFICE), JOB, {"a": 1}, None)


def sealed() -> jobs.Job:
    return made(public_of(TECHNICIAN))


def test_a_sealed_job_can_be_mailed_and_its_technician_alone_reads_the_keys() -> None:
    text = sealed().text()
    assert not [key for key in (KEY, OTHER_KEY, CITY_KEY) if key in text or key in repr(read(text))]
    job = read(text)
    with pytest.raises(NotForYou):
        job.settings(job.nodes[0])
    with pytest.raises(NotForYou, match="for the technician"):
        job.open_by(OFFICE)
    own = job.open_by(TECHNICIAN)
    assert [own.settings(node) for node in own.nodes] == [settings(KEY), settings(OTHER_KEY)]
    assert KEY not in own.text() + repr(own)


def test_the_file_of_a_sealed_job_stays_sealed_while_its_secrets_are_wiped() -> None:
    own = read(sealed().text()).open_by(TECHNICIAN)
    left = own.without(own.nodes[0])
    assert OTHER_KEY not in left.text()
    again = read(left.text()).open_by(TECHNICIAN)
    assert [again.has(node) for node in again.nodes] == [False, True]
    with pytest.raises(Wiped):
        again.settings(again.nodes[0])
    assert again.settings(again.nodes[1]) == settings(OTHER_KEY)


def test_the_office_adds_a_node_to_a_sealed_job_without_reading_what_is_in_it() -> None:
    old = read(sealed().text())
    nodes = [(one, one.settings) for one in old.nodes]
    new = JobNode("a3", "fare_validator", "Tram", "unix", "", {})
    more = jobs.make(OFFICE, "j1", 1, "", [*nodes, (new, settings("55" * 32))], old.technician, old.secrets)
    own = read(more.text()).open_by(TECHNICIAN)
    assert [own.settings(node)["key"] for node in own.nodes] == [KEY, OTHER_KEY, "55" * 32]


def test_a_changed_byte_of_a_sealed_job_is_refused_wherever_it_stands() -> None:
    text = sealed().text()
    secrets = json.loads(text)["secrets"]
    for digest, box in secrets.items():
        for at in range(0, len(box), 16):
            wrong = box[:at] + ("0" if box[at] != "0" else "1") + box[at + 1 :]
            with pytest.raises(JobError, match="changed"):
                read(text.replace(box, wrong)).open_by(TECHNICIAN)
        with pytest.raises(JobError, match="changed"):
            read(text.replace(digest, "0" * 64))
    (first, second, *_) = secrets.values()
    with pytest.raises(JobError, match="changed"):
        read(text.replace(first, second)).open_by(TECHNICIAN)


def test_secrets_that_lie_open_where_they_should_be_sealed_are_refused() -> None:
    document = json.loads(sealed().text())
    document["secrets"] = json.loads(made().text())["secrets"]
    with pytest.raises(JobError, match="changed"):
        read(json.dumps(document))


def test_a_secret_that_an_office_left_in_the_signed_plan_is_refused() -> None:
    plan = dict(sealed().plan)
    plan["nodes"] = [{**plan["nodes"][0], "settings": settings(KEY)}]
    document = {"vuzol_job": 2, "plan": plan, "signature": sign(OFFICE, JOB, plan), "secrets": {}}
    with pytest.raises(JobError, match="in the plan"):
        read(json.dumps(document))


@pytest.mark.parametrize("public", ["00" * 32, "01" + "00" * 31, "ab", "the technician"])
def test_nothing_is_sealed_to_what_is_no_key(public: str) -> None:
    with pytest.raises(JobError, match="no public key"):
        made(public)
