"""In the office: jobs for technicians are made, signed, and told; every node of one stands in the registry before.

Never prints a secret, and never signs what the registry does not hold.
Specification: protocols/job.py; README.md beside this file.
"""

import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from protocols import job as jobs
from protocols.job import Job, JobError, JobNode, NotForYou
from protocols.provisioning import KEY_SIZE, NodeEntry, settings_dict
from protocols.signed import public_of
from protocols.wire import topics
from tools.errors import DONE, UsageError
from tools.field.keys import make_key, read_key, technician_key, trusted_offices
from tools.provision import Wish, new_node, register, registered, write_secret
from tools.texts import say


@dataclass(frozen=True, slots=True)
class Office:
    """Where an office keeps its things: registry, signing key, and the job that is written, and for whom if sealed."""

    registry: Path
    key: Path
    out: Path
    board: str
    controller: str
    technician: str = ""


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
        told = {"job": job.job, "office": job.office, "technician": job.technician, "made_s": job.made_s, "nodes": rows}
        print(json.dumps(told, ensure_ascii=False))
    else:
        print(say(language, "job_shown", job=job.job, count=len(rows), office=job.office[:16]))
        if job.technician:
            print(say(language, "job_sealed", technician=job.technician[:16]))
        for row in rows:
            print(say(language, "job_node" if row["open"] else "job_node_wiped", **row))
    return DONE


def load(path: Path, trusted: Path | None) -> Job:
    """A job that is signed by an office that is trusted. Raises UsageError."""
    try:
        job = jobs.read(path.read_text(encoding="utf-8"), trusted_offices(trusted))
        if not job.technician and path.stat().st_mode & 0o077:
            raise UsageError(f"{path} holds keys and may be read by others: type chmod 600 {path}")
        return job
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read ({error}): ask the office for the job file") from None
    except JobError as error:
        raise UsageError(f"{path}: {error}") from None


def load_own(path: Path, trusted: Path | None) -> Job:
    """The same, opened with the key of whoever works here if it is sealed. Raises UsageError."""
    job = load(path, trusted)
    return opened(job) if job.technician else job


def opened(job: Job) -> Job:
    """A sealed job, opened with the key of whoever works here. Raises UsageError."""
    key = technician_key()
    try:
        return job.open_by(key)
    except NotForYou:
        raise UsageError("fault_job_not_yours", technician=job.technician, own=public_of(key)) from None
    except JobError as error:
        raise UsageError(str(error)) from None


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
    nodes: list[tuple[JobNode, Mapping[str, Any]]] = [(node, settings)]
    name, controller, technician, kept = secrets.token_hex(4), office.controller, office.technician.lower(), None
    if office.out.exists():
        old = _own_job(office.out, public_of(key))
        if technician not in ("", old.technician):
            raise UsageError("fault_job_of_another", file=office.out)
        nodes = [(one, one.settings) for one in old.nodes] + nodes
        name, controller, technician, kept = old.job, controller or old.controller, old.technician, old.secrets
    try:
        job = jobs.make(key, name, int(time.time()), controller, nodes, technician, kept)
        register(office.registry, entries)
        write_secret(office.out, job.text())
    except OSError as error:
        raise UsageError(f"{error.filename} cannot be written: {error.strerror}") from None
    except JobError as error:
        raise UsageError(str(error)) from None
    told = {"job": name, "file": str(office.out), "node": node.node, "kind": node.kind, "nodes": len(nodes)}
    told["technician"] = technician
    print(json.dumps(told) if as_json else say(language, "job_made_sealed" if technician else "job_made", **told))


def _own_job(path: Path, public: str) -> Job:
    try:
        old = jobs.read(path.read_text(encoding="utf-8"), {public})
    except (OSError, JobError) as error:
        raise UsageError(f"{path}: {error}; name another file with --out") from None
    if not all(old.has(node) for node in old.nodes):
        raise UsageError(f"{path} was begun by a technician: write another file")
    return old


def _told(job: Job, node: JobNode) -> dict[str, Any]:
    told = {"node": node.node, "kind": node.kind, "name": node.name, "replaces": node.replaces}
    return told | {"open": job.has(node)}


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
