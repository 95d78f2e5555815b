"""In the office: jobs for technicians are made, signed, and told; every node of one stands in the registry before.

Never prints a secret, and never signs what the registry does not hold.
Specification: protocols/job.py; README.md beside this file.
"""

import json
import secrets
import time
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from protocols import job as jobs
from protocols.job import Job, JobError, JobNode, Wiped
from protocols.provisioning import KEY_SIZE, NodeEntry, settings_dict
from protocols.signed import public_of
from protocols.wire import topics
from tools.errors import DONE, UsageError
from tools.field.keys import make_key, read_key, trusted_offices
from tools.provision import Wish, new_node, register, registered, write_secret
from tools.texts import say


@dataclass(frozen=True, slots=True)
class Office:
    """Where an office keeps its things: registry, signing key, and the job that is written."""

    registry: Path
    key: Path
    out: Path
    board: str
    controller: str


def keygen(path: Path, *, as_json: bool, language: str) -> int:
    public = make_key(path)
    print(
        json.dumps({"key": str(path), "public": public})
        if as_json
        else say(language, "job_key", public=public, file=path)
    )
    return DONE


def make(office: Office, wish: Wish, *, as_json: bool, language: str) -> int:
    """A new node into the registry, and into a job: a new one, or one that is there already."""
    there = registered(office.registry)
    entry, settings = new_node(wish, there, language)
    _put(office, [*there, entry], entry, settings, "", as_json=as_json, language=language)
    return DONE


def replace_node(office: Office, old: str, was: Path, city_key: Path | None, *, as_json: bool, language: str) -> int:
    """A job for a board that takes a node's place: its name, place, bus address and parts, under a new identity."""
    there = registered(office.registry)
    gone = next((one for one in there if topics.node_name(one.node) == old.lower()), None)
    if gone is None or gone.replaced_by:
        why = f"was replaced by {gone.replaced_by} already" if gone else "is not in the registry"
        raise UsageError(f"node {old} {why}: vuzol ledger lists the nodes")
    before = _settings_before(was, old.lower())
    entry = replace(gone, node=_free(there), key=secrets.token_bytes(KEY_SIZE))
    config = dict(before["config"])
    if "city_key" in config:
        config["city_key"] = _city_key(city_key, config["city_key"])
    settings = settings_dict(
        entry,
        language=before.get("language", language),
        uplink=before["uplink"],
        config=config,
        publishers=before.get("publishers", ()),
    )
    kept = [replace(one, replaced_by=topics.node_name(entry.node)) if one == gone else one for one in there]
    _put(office, [*kept, entry], entry, settings, old.lower(), as_json=as_json, language=language)
    return DONE


def show(path: Path, trusted: Path | None, *, as_json: bool, language: str) -> int:
    job = load(path, trusted)
    rows = [_told(job, node) for node in job.nodes]
    if as_json:
        print(
            json.dumps({"job": job.job, "office": job.office, "made_s": job.made_s, "nodes": rows}, ensure_ascii=False)
        )
    else:
        print(say(language, "job_shown", job=job.job, count=len(rows), office=job.office[:16]))
        for row in rows:
            print(say(language, "job_node" if row["open"] else "job_node_wiped", **row))
    return DONE


def load(path: Path, trusted: Path | None) -> Job:
    """A job that is signed by an office that is trusted. Raises UsageError."""
    try:
        if path.stat().st_mode & 0o077:
            raise UsageError(f"{path} holds keys and may be read by others: type chmod 600 {path}")
        return jobs.read(path.read_text(encoding="utf-8"), trusted_offices(trusted))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read ({error}): ask the office for the job file") from None
    except JobError as error:
        raise UsageError(f"{path}: {error}") from None


def wipe(path: Path, trusted: Path | None, node: JobNode) -> None:
    """The hand-over is done: this node's secrets are no longer in the file."""
    write_secret(path, load(path, trusted).without(node).text())


def _put(
    office: Office,
    entries: list[NodeEntry],
    entry: NodeEntry,
    settings: dict[str, Any],
    replaces: str,
    *,
    as_json: bool,
    language: str,
) -> None:
    """The registry first: a job whose node nobody knows would be worth nothing."""
    key = read_key(office.key)
    node = JobNode(topics.node_name(entry.node), entry.kind, entry.name, office.board, replaces, settings)
    nodes = [(node, settings)]
    name, controller = secrets.token_hex(4), office.controller
    if office.out.exists():
        old = _own_job(office.out, public_of(key))
        nodes = [(one, old.settings(one)) for one in old.nodes] + nodes
        name, controller = old.job, controller or old.controller
    try:
        register(office.registry, entries)
        write_secret(office.out, jobs.make(key, name, int(time.time()), controller, nodes).text())
    except OSError as error:
        raise UsageError(f"{error.filename} cannot be written: {error.strerror}") from None
    told = {"job": name, "file": str(office.out), "node": node.node, "kind": node.kind, "nodes": len(nodes)}
    print(json.dumps(told) if as_json else say(language, "job_made", **told))


def _own_job(path: Path, public: str) -> Job:
    try:
        old = jobs.read(path.read_text(encoding="utf-8"), {public})
        for node in old.nodes:
            old.settings(node)
    except Wiped:
        raise UsageError(f"{path} was begun by a technician: write another file") from None
    except (OSError, JobError) as error:
        raise UsageError(f"{path}: {error}; name another file with --out") from None
    return old


def is_open(job: Job, node: JobNode) -> bool:
    """Whether its key was not handed over yet."""
    try:
        job.settings(node)
    except Wiped:
        return False
    return True


def _told(job: Job, node: JobNode) -> dict[str, Any]:
    told = {"node": node.node, "kind": node.kind, "name": node.name, "replaces": node.replaces}
    return told | {"open": is_open(job, node)}


def _settings_before(path: Path, node: str) -> dict[str, Any]:
    """The settings of a node, without its key, from its job or its settings file. Raises UsageError."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        rows = [document] if "uplink" in document else [row["settings"] for row in document["plan"]["nodes"]]
        return next(dict(row) for row in rows if row["node"] == node)
    except (OSError, ValueError, KeyError, TypeError, StopIteration):
        raise UsageError(
            f"{path} is neither a job nor a settings file of node {node}: name another with --was"
        ) from None


def _city_key(path: Path | None, before: object) -> str:
    """The key in the file, which has to be the one that the node before had. Raises UsageError."""
    try:
        key = "" if path is None else path.read_text(encoding="ascii").strip()
    except OSError:
        key = ""
    if before not in (key, {jobs.SECRET: sha256(key.encode()).hexdigest()}):
        raise UsageError("a validator needs --city-key FILE, the same file for every validator of the city")
    return key


def _free(there: tuple[NodeEntry, ...]) -> bytes:
    while (node := secrets.token_bytes(8)) in {entry.node for entry in there}:
        pass
    return node
