"""A job file: what an office gives a technician to make blank boards into nodes, signed, and with the keys beside.

Performs no I/O, and never shows a secret. The signature stands over the plan, which names each secret by its SHA-256
alone: so the secrets are wiped from the file after they were handed over, and what is left can still be verified.
A job for one technician has each secret sealed to that person's key, and its file never has one that lies open.
Specification: README.md, "Provisioning"; RFC 8032 (Ed25519); sealed_to.py; a file with open secrets is of mode 0600.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocols import sealed_to, signed
from protocols.sealed_keys import SealBroken

VERSION, SEALED_VERSION = 1, 2
SECRET = "secret"  # stands in the plan for a secret: {"secret": its SHA-256}
SECRET_FIELDS = ("key", "city_key")
_PURPOSE = b"vuzol job secret 1\0"
_CHANGED = "a secret of the job was changed: ask the office for it again"


class JobError(Exception):
    """A job that cannot be used; the text says what to do."""


class Wiped(JobError):
    """The secrets of this node were handed over and are here no more."""


class NotForYou(JobError):
    """The secrets are sealed to another technician."""


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
    """A verified job. `secrets` is hash -> secret, as far as they were not handed over, and as the file has them:

    sealed where a `technician` (public key) is named. `opened` are those that can be read here, never written.
    """

    job: str
    made_s: int
    office: str
    controller: str
    nodes: tuple[JobNode, ...]
    plan: Mapping[str, Any] = field(repr=False)
    signature: str = ""
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    technician: str = ""
    opened: Mapping[str, str] = field(default_factory=dict, repr=False)

    def open_by(self, key: Ed25519PrivateKey) -> "Job":
        """The same job as its technician reads it. Raises NotForYou, JobError."""
        if self.technician != signed.public_of(key):
            raise NotForYou(
                f"the job is for the technician {self.technician[:16]}…, and the key here is "
                f"{signed.public_of(key)[:16]}…: ask the office for a job for your key"
            )
        try:
            opened = {digest: sealed_to.unseal(key, _PURPOSE, box).decode() for digest, box in self.secrets.items()}
        except (SealBroken, UnicodeDecodeError):
            raise JobError(_CHANGED) from None
        if any(_digest(secret) != digest for digest, secret in opened.items()):
            raise JobError(_CHANGED)
        return replace(self, opened=opened)

    def has(self, node: JobNode) -> bool:
        """Whether its secrets were not handed over yet."""
        return set(_hashes(node.settings)) <= set(self.secrets)

    def settings(self, node: JobNode) -> dict[str, Any]:
        """The node's settings, with its key: never log them. Raises Wiped; NotForYou before `open_by`."""
        if not self.has(node):
            raise Wiped("its key was handed over before and is wiped here: ask the office for a new job")
        opened = _opened(node.settings, self.opened)
        assert isinstance(opened, dict)
        return opened

    def without(self, node: JobNode) -> "Job":
        """The same job after the hand-over of that node's secrets; what nodes to come need too stays."""
        to_come = [set(_hashes(one.settings)) for one in self.nodes if one != node]
        needed = {digest for hashes in to_come if hashes <= set(self.secrets) for digest in hashes}
        return replace(self, secrets={digest: one for digest, one in self.secrets.items() if digest in needed})

    def text(self) -> str:
        """The file, with every secret that is left: never log it."""
        version = SEALED_VERSION if self.technician else VERSION
        rows = {"vuzol_job": version, "plan": self.plan, "signature": self.signature, "secrets": dict(self.secrets)}
        return json.dumps(rows, ensure_ascii=False, indent=1) + "\n"


def make(
    key: Ed25519PrivateKey,
    job: str,
    made_s: int,
    controller: str,
    nodes: Sequence[tuple[JobNode, Mapping[str, Any]]],
    technician: str = "",
    kept: Mapping[str, str] | None = None,
) -> Job:
    """A signed job of nodes and their settings, for one technician or in the open. Raises JobError.

    `kept` are the secrets, as a file has them, of nodes whose settings name them by their hashes already.
    """
    secrets: dict[str, str] = {}
    rows = []
    for node, settings in nodes:
        row = {"node": node.node, "kind": node.kind, "name": node.name, "board": node.board, "replaces": node.replaces}
        rows.append(row | {"settings": _sealed(settings, secrets)})
    plan = {"job": job, "made_s": made_s, "office": signed.public_of(key), "controller": controller, "nodes": rows}
    if technician:
        plan["technician"] = technician
        try:
            secrets = {digest: sealed_to.seal(technician, _PURPOSE, one.encode()) for digest, one in secrets.items()}
        except SealBroken:
            raise JobError(f"{technician[:16]}… is no public key of a technician: vuzol job keygen tells it") from None
    return _job(plan, signed.sign(key, signed.JOB, plan), {**(kept or {}), **secrets})


def read(text: str, offices: set[str] | None) -> Job:
    """A job of an office that is trusted (public keys, hex; None: of any). Raises JobError."""
    try:
        document = json.loads(text)
        plan, signature, secrets = document["plan"], document["signature"], dict(document["secrets"])
        version, office = document["vuzol_job"], plan["office"]
        lie_open = [_digest(secret) == digest for digest, secret in secrets.items()]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise JobError("this is no job file: ask the office for it again") from None
    if version not in (VERSION, SEALED_VERSION):
        raise JobError(f"this job file is of version {version}: update these tools")
    if offices is not None and office not in offices:
        raise JobError(f"the job is signed by {str(office)[:16]}…, an office that is not trusted here")
    if not signed.is_signed(office, signed.JOB, plan, signature):
        raise JobError("the job was changed after it was signed: ask the office for it again")
    job = _job(plan, signature, secrets)
    if any(lies_open == bool(job.technician) for lies_open in lie_open):
        raise JobError(_CHANGED)
    in_the_plan: dict[str, str] = {}
    for node in job.nodes:
        _sealed(node.settings, in_the_plan)
    if in_the_plan:
        raise JobError("a secret stands in the plan of this job, where everybody reads it: ask the office for another")
    return job


def _digest(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()


def _job(plan: Mapping[str, Any], signature: str, secrets: Mapping[str, str]) -> Job:
    try:
        technician = str(plan.get("technician", ""))
        return Job(
            str(plan["job"]),
            plan["made_s"],
            str(plan["office"]),
            plan["controller"],
            tuple(JobNode(**row) for row in plan["nodes"]),
            plan,
            signature,
            secrets,
            technician,
            {} if technician else secrets,
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
            digest = _digest(inner)
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
            raise NotForYou("its keys are sealed: they are opened with the technician's key") from None
    return {name: _opened(inner, secrets) for name, inner in value.items()}


def _hashes(value: Any) -> list[str]:
    if not isinstance(value, Mapping):
        return []
    if set(value) == {SECRET}:
        return [str(value[SECRET])]
    return [digest for inner in value.values() for digest in _hashes(inner)]
