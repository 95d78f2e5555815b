"""A release and a change of it for the benchmarks: made, burned as a factory does, rolled out as an office does.

Never imitates a node or a person's rights: the proposal is one person's, the confirmation another's.
Specification: controller/README.md, "Updates"; firmware/UPDATES.md.
"""

import secrets
import tempfile
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from boards.unix.file_flash import FileFlash
from firmware import boot_record
from protocols import release
from protocols.release import Release
from protocols.wire import document, manifest
from tools import release_contents
from tools.bench_controller import Measured
from tools.image_plan import ROOT

CHANGE_BYTES = 60_000  # so much of the set is other modules
BOOT_BYTES = 2 * boot_record.SECTOR_SIZE
PATIENCE_S = 1200.0
LOOK_S = 0.5
OPEN = '[access]\nopen_as = "bench"\nrequests_per_s = 1000\n'
SECOND = {"name": "second", "roles": ["administrator"], "password": secrets.token_urlsafe(16)}

States = dict[str, int]


class Releases:
    """The set that nodes of a kind run from their first start on, and the one that they are to have."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._publisher = Ed25519PrivateKey.generate()
        self._files = release_contents.compiled("unix", [kind], (0, 2, 0))

    @property
    def trust(self) -> dict[str, Any]:
        """What a node's settings say of the publisher."""
        return {"publishers": [self._publisher.public_key().public_bytes_raw().hex()]}

    @cached_property
    def first(self) -> Release:
        return self._signed(self._files, 1)

    @cached_property
    def change(self) -> Release:
        return self._signed(_changed(self._files), 2)

    @property
    def pulled_bytes(self) -> int:
        """What a node with the first set asks for: the manifest, and the pieces that it lacks, deflated."""
        has = {piece.digest for piece in self.first.pieces}
        pieces = sum(int(piece.stored) for piece in self.change.pieces if piece.digest not in has)
        return int(manifest.length(self.change.manifest)) + pieces

    def burn(self, folder: Path) -> None:
        """The first set into a slot of a node that has no power, confirmed."""
        one = self.first
        folder.mkdir(parents=True, exist_ok=True)
        size = manifest.length(one.manifest)
        content = one.data[:size] + bytes(boot_record.image_at(size) - size) + one.image()
        (folder / "slot_a.flash").write_bytes(content)
        flash = FileFlash(folder / "boot.flash", BOOT_BYTES)  # type: ignore[no-untyped-call]
        boot_record.BootRecord(flash).change(
            0,
            state=boot_record.CONFIRMED,
            version=one.manifest.counter,
            size=len(one.data),
            sha256=document.identity(document.FIRMWARE, one.data),
            manifest_size=size,
        )

    def _signed(self, files: dict[str, bytes], counter: int) -> Release:
        built = release.build(
            files, board="unix", kinds=[self._kind], counter=counter, image=1, firmware=(0, 2, counter)
        )
        return release.sign(built, self._publisher)


def _changed(files: dict[str, bytes]) -> dict[str, bytes]:
    """The set with another constant in as many of its modules as make up the change."""
    changed, size = dict(files), 0
    with tempfile.TemporaryDirectory(prefix="vuzol-bench-") as name:
        source, compiled = Path(name) / "module.py", Path(name) / "module.mpy"
        for path in files:
            if size < CHANGE_BYTES and path.endswith(".mpy"):
                module = path.removesuffix(".mpy") + ".py"
                source.write_text(
                    (ROOT / module).read_text(encoding="utf-8") + "\n_OF_THE_CHANGE = 2\n", encoding="utf-8"
                )
                changed[path] = release_contents.compile_module(module, source, compiled)
                size += len(changed[path])
    return changed


def roll_out(desk: httpx.Client, controller: Measured, one: Release, is_done: Callable[[States], bool]) -> float:
    """Seconds from the second person's word until the nodes' states are what is waited for."""
    desk.post("/api/v1/users", json=SECOND).raise_for_status()
    proposed = desk.put("/api/v1/updates", params={"waves": "1", "soak_s": "0"}, content=one.pack())
    proposed.raise_for_status()
    with httpx.Client(base_url=controller.url, timeout=60, trust_env=False) as second:
        login = {"name": SECOND["name"], "password": SECOND["password"]}
        second.post("/api/v1/login", json=login).raise_for_status()
        begun_s = time.monotonic()
        second.post(f"/api/v1/proposals/{proposed.json()['proposal']}/confirm").raise_for_status()

    def has_come() -> bool:
        whole = desk.get(f"/api/v1/updates/{one.manifest.counter}").json()
        told: dict[str, Any] = whole["rollout"]
        if told["state"] != "running":
            reasons = {way["reason"] for way in whole["nodes"]}
            raise RuntimeError(f"the rollout is {told['state']}: {told['states']}, {reasons}")
        return is_done(told["states"])

    until(has_come, f"release {one.manifest.counter} on every node")
    return time.monotonic() - begun_s


def until(look: Callable[[], bool], what: str) -> None:
    """Wait for it. Raises TimeoutError."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not look():
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"never seen: {what}")
        time.sleep(LOOK_S)
