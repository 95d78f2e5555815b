"""Releases of the firmware: a publisher's key, a set built, signed, shown and checked. All of it off-line.

Never talks to a controller, and never prints a private key. Specification: protocols/WIRE.md, "Firmware".
"""

import json
import os
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from protocols import release as releases
from protocols.release import Release, ReleaseFault
from protocols.wire.manifest import IMAGE
from protocols.wire.node_kinds import NODE_KINDS
from tools import release_contents
from tools.errors import DONE, NO, UsageError
from tools.image_plan import BOARDS
from tools.texts import say

KINDS = tuple(name for _, name, _, _ in NODE_KINDS)


@dataclass(frozen=True, slots=True)
class Job:
    """How a command was asked to behave."""

    dry_run: bool
    as_json: bool
    language: str

    def tell(self, key: str, answer: dict[str, Any], **more: object) -> None:
        if self.as_json:
            print(json.dumps(answer, ensure_ascii=False))
            return
        print(say(self.language, key, **answer, **more))
        if self.dry_run:
            print(say(self.language, "release_dry_run"))


def keygen(path: Path, job: Job) -> int:
    """A publisher's key in a file of its own, mode 0600; its public half is told."""
    if path.exists():
        raise UsageError(f"{path} is there already: a key is never overwritten, give another name")
    private = Ed25519PrivateKey.generate()
    if not job.dry_run:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public = private.public_key().public_bytes_raw().hex()
    job.tell("release_key", {"key": str(path), "public": "–" if job.dry_run else public})
    return DONE


def build(out: Path, board: str, kinds: Sequence[str], counter: int, firmware: str, text: str, job: Job) -> int:
    """A release that nobody has signed, from this source tree."""
    if unknown := sorted(set(kinds) - set(KINDS)):
        raise UsageError(f"no kind {unknown[0]!r}: there are {', '.join(KINDS)}")
    version = _version(firmware)
    files = release_contents.compiled(board, kinds or KINDS, version)
    try:
        built = releases.build(
            files, board=board, kinds=kinds or KINDS, counter=counter, image=IMAGE, firmware=version, text=text
        )
    except ReleaseFault as fault:
        raise UsageError(str(fault)) from None
    need = releases.room(built)
    slot = int(tomllib.loads((BOARDS / board / "board.toml").read_text())["flash"]["slot_bytes"])
    if need > slot:
        raise UsageError(f"the set needs {need} bytes, a slot of {board} has {slot}: build it for fewer kinds (--kind)")
    if not job.dry_run:
        out.write_bytes(built.pack())
    job.tell("release_built", _facts(built) | {"file": str(out), "slot_bytes": slot, "needed_bytes": need})
    return DONE


def sign(path: Path, key: Path, job: Job) -> int:
    """Put the publisher's signature into a release."""
    built = _read(path)
    _files_of(built)
    signed = releases.sign(built, _private(key))
    if not job.dry_run:
        fresh = path.with_suffix(f".{os.getpid()}")
        fresh.write_bytes(signed.pack())
        fresh.replace(path)
    job.tell("release_signed", _facts(signed) | {"file": str(path)})
    return DONE


def show(path: Path, job: Job) -> int:
    """What a release is, file by file."""
    found = _read(path)
    files = _files_of(found)
    answer = _facts(found) | {
        "file": str(path),
        "files": [
            {"path": name, "bytes": len(data), "sha256": sha256(data).hexdigest()} for name, data in files.items()
        ],
    }
    if job.as_json:
        print(json.dumps(answer, ensure_ascii=False))
        return DONE
    print(say(job.language, "release_shown", **answer, kinds_text=", ".join(found.kinds)))
    for name, data in files.items():
        print(f"{len(data):>8}  {sha256(data).hexdigest()[:16]}  {name}")
    return DONE


def check(path: Path, publishers: Sequence[str], board: str, kind: str, job: Job) -> int:
    """Whether nodes will take it: signature, hashes, board and kind; status 1 and the reason when not."""
    reason = _reason(path, publishers, board, kind)
    if job.as_json:
        print(json.dumps({"file": str(path), "good": not reason, "reason": reason}))
    else:
        key = f"release_reason_{reason}" if reason else "release_good"
        print(say(job.language, key, file=path))
    return NO if reason else DONE


def _reason(path: Path, publishers: Sequence[str], board: str, kind: str) -> str:
    """As nodes name it, empty when there is none."""
    try:
        found = releases.read(path.read_bytes())
        found.files()
    except OSError:
        raise UsageError(f"{path} cannot be read: give the file that `vuzol release build` wrote") from None
    except ReleaseFault:
        return "wrong_hash"
    if not found.is_authentic:
        return "wrong_signature" if found.signature else "unsigned"
    if publishers and found.public.hex() not in {one.lower() for one in publishers}:
        return "wrong_signature"
    if board and found.manifest.board != board:
        return "wrong_board"
    if kind and kind not in found.kinds:
        return "wrong_kind"
    return ""


def _facts(one: Release) -> dict[str, Any]:
    head = one.manifest
    return {
        "board": head.board,
        "kinds": one.kinds,
        "counter": head.counter,
        "firmware": ".".join(map(str, head.firmware)),
        "image": head.image,
        "text": head.text,
        "bytes": len(one.data),
        "pieces": head.pieces,
        "signed_by": one.public.hex(),
        "sha256": sha256(one.data).hexdigest(),
    }


def _read(path: Path) -> Release:
    try:
        return releases.read(path.read_bytes())
    except OSError:
        raise UsageError(f"{path} cannot be read: give the file that `vuzol release build` wrote") from None
    except ReleaseFault as fault:
        raise UsageError(f"{path}: {fault}") from None


def _files_of(one: Release) -> dict[str, bytes]:
    try:
        return one.files()
    except ReleaseFault as fault:
        raise UsageError(str(fault)) from None


def _private(path: Path) -> Ed25519PrivateKey:
    try:
        if path.stat().st_mode & 0o077:
            raise UsageError(f"{path} can be read by others: type chmod 600 {path}")
        private = load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError):
        private = None
    if not isinstance(private, Ed25519PrivateKey):
        raise UsageError(f"{path} is no publisher's key: make one with `vuzol release keygen`")
    return private


def _version(text: str) -> tuple[int, int, int]:
    parts = text.split(".")
    if len(parts) != 3 or not all(part.isdigit() and int(part) < 256 for part in parts):
        raise UsageError(f"{text!r} is no version: give three numbers of 0 to 255, such as 0.2.0")
    return int(parts[0]), int(parts[1]), int(parts[2])
