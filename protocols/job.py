"""A job file: what an office gives a technician to make blank boards into nodes, signed, and with the keys beside.

Performs no I/O, and never shows a secret. The signature stands over the plan, which names each secret by its SHA-256
alone: so the secrets are wiped from the file after they were handed over, and what is left can still be verified.
Specification: README.md, "Provisioning"; RFC 8032 (Ed25519); the files are of mode 0600.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocols import signed

VERSION = 1
SECRET = "secret"  # stands in the plan for a secret: {"secret": its SHA-256}
SECRET_FIELDS = ("key", "city_key")


class JobError(Exception):
    """A job that cannot be used; the text says what to do."""


class Wiped(JobError):
    """The secrets of this node were handed over and are here no more."""


@dataclass(frozen=True, slots=True)
class JobNode:
    """One node to be: `settings` as the node gets them, with its secrets replaced by their hashes."""

    node: str
    kind: str
    name: str
    board: str
    replaces: str
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Job:
    """A verified job. `secrets` is hash -> secret, as far as they were not handed over."""

    job: str
    made_s: int
    office: str
    controller: str
    nodes: tuple[JobNode, ...]
    plan: Mapping[str, Any] = field(repr=False)
    signature: str = ""
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)

    def settings(self, node: JobNode) -> dict[str, Any]:
        """The node's settings, with its key: never log them. Raises Wiped."""
        opened = _opened(node.settings, self.secrets)
        assert isinstance(opened, dict)
        return opened

    def without(self, node: JobNode) -> "Job":
        """The same job after the hand-over of that node's secrets; what nodes to come need too stays."""
        to_come = [set(_hashes(one.settings)) for one in self.nodes if one != node]
        needed = {digest for hashes in to_come if hashes <= set(self.secrets) for digest in hashes}
        kept = {digest: secret for digest, secret in self.secrets.items() if digest in needed}
        return Job(self.job, self.made_s, self.office, self.controller, self.nodes, self.plan, self.signature, kept)

    def text(self) -> str:
        """The file, with every secret that is left: never log it."""
        rows = {"vuzol_job": VERSION, "plan": self.plan, "signature": self.signature, "secrets": dict(self.secrets)}
        return json.dumps(rows, ensure_ascii=False, indent=1) + "\n"


def make(
    key: Ed25519PrivateKey, job: str, made_s: int, controller: str, nodes: Sequence[tuple[JobNode, Mapping[str, Any]]]
) -> Job:
    """A signed job of nodes and their settings, in which every secret stands still."""
    secrets: dict[str, str] = {}
    rows = []
    for node, settings in nodes:
        row = {"node": node.node, "kind": node.kind, "name": node.name, "board": node.board, "replaces": node.replaces}
        rows.append(row | {"settings": _sealed(settings, secrets)})
    plan = {"job": job, "made_s": made_s, "office": signed.public_of(key), "controller": controller, "nodes": rows}
    return _job(plan, signed.sign(key, signed.JOB, plan), secrets)


def read(text: str, offices: set[str]) -> Job:
    """A job of an office that is trusted (public keys, hex). Raises JobError."""
    try:
        document = json.loads(text)
        plan, signature, secrets = document["plan"], document["signature"], document["secrets"]
        version, office = document["vuzol_job"], plan["office"]
    except (ValueError, KeyError, TypeError):
        raise JobError("this is no job file: ask the office for it again") from None
    if version != VERSION:
        raise JobError(f"this job file is of version {version}: update these tools")
    if office not in offices:
        raise JobError(f"the job is signed by {str(office)[:16]}…, an office that is not trusted here")
    if not signed.is_signed(office, signed.JOB, plan, signature):
        raise JobError("the job was changed after it was signed: ask the office for it again")
    if any(sha256(secret.encode()).hexdigest() != digest for digest, secret in secrets.items()):
        raise JobError("a secret of the job was changed: ask the office for it again")
    return _job(plan, signature, secrets)


def _job(plan: Mapping[str, Any], signature: str, secrets: Mapping[str, str]) -> Job:
    try:
        nodes = tuple(JobNode(**row) for row in plan["nodes"])
        return Job(
            plan["job"], plan["made_s"], plan["office"], plan["controller"], nodes, plan, signature, dict(secrets)
        )
    except (KeyError, TypeError):
        raise JobError("the job lacks something: ask the office for it again") from None


def _sealed(value: Any, secrets: dict[str, str]) -> Any:
    """The value with every secret replaced by its hash; the secrets are put aside."""
    if not isinstance(value, Mapping):
        return value
    sealed = {}
    for name, inner in value.items():
        if name in SECRET_FIELDS and isinstance(inner, str):
            digest = sha256(inner.encode()).hexdigest()
            secrets[digest] = inner
            sealed[name] = {SECRET: digest}
        else:
            sealed[name] = _sealed(inner, secrets)
    return sealed


def _opened(value: Any, secrets: Mapping[str, str]) -> Any:
    if not isinstance(value, Mapping):
        return value
    if set(value) == {SECRET}:
        try:
            return secrets[value[SECRET]]
        except KeyError:
            raise Wiped("its key was handed over before and is wiped here: ask the office for a new job") from None
    return {name: _opened(inner, secrets) for name, inner in value.items()}


def _hashes(value: Any) -> list[str]:
    if not isinstance(value, Mapping):
        return []
    if set(value) == {SECRET}:
        return [value[SECRET]]
    return [digest for inner in value.values() for digest in _hashes(inner)]
