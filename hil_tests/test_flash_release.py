"""A release goes onto a node by cable and starts; one for others, of a stranger, an older or a bad one is refused."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from emulation.plugged import Plugged, plugged
from hil_tests.target import Target, settings_of
from protocols import release
from protocols.signed import public_of
from tools.errors import UsageError
from tools.field import devices, flashing
from tools.field.board import stopped

pytestmark = [pytest.mark.needs("port", "settings"), pytest.mark.timeout(300)]
KIND = "stop_display"
PUBLISHER, STRANGER = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
PATIENCE_S = 120
MARK_BAD = """
from firmware import boot_record
from firmware.boot import board
record = boot_record.BootRecord(board("slots").boot_flash())
record.give_up(record.to_start(), boot_record.CRASHED)
"""


class Bench:
    """A node on its port, and whoever flashes releases of a few bytes beside the image's modules."""

    def __init__(self, node: Plugged, board: str, folder: Path) -> None:
        self._node = node
        self._board = board
        self._file = folder / "some.vzr"

    def flash(self, counter: int, key: Ed25519PrivateKey = PUBLISHER, **other: Any) -> str:
        """What the tool says against it, or which release the node runs."""
        told: dict[str, Any] = {
            "board": self._board,
            "kinds": [KIND],
            "image": 1,
            "firmware": (0, 2, 0),
            "counter": counter,
        } | other
        self._file.write_bytes(release.sign(release.build({"note.txt": b"set" * 3000}, **told), key).pack())
        port = self._node.port
        try:
            flashing.run(port, None, self._file, None, self._board, as_json=True, language="en")
        except UsageError as refused:
            return str(refused).replace(port, "PORT")
        self._node.handle.wait_console(f"set {counter} in slot", PATIENCE_S)
        found = devices.look(port).identity
        return f"{found.release} runs" if found else "nobody answers"

    def mark_bad(self) -> None:
        with stopped(self._node.port, PATIENCE_S) as board:
            board.run(MARK_BAD)
            board.reset()


@pytest.fixture
def bench(target: Target, tmp_path: Path) -> Iterator[Bench]:
    settings = settings_of(KIND, target.board) | {"publishers": [public_of(PUBLISHER)]}
    with plugged(target.board, KIND, tmp_path, settings=settings, blank=False) as node:
        yield Bench(node, target.board, tmp_path)


def test_a_release_by_cable_starts_and_a_wrong_one_is_refused_with_its_reason(bench: Bench, target: Target) -> None:
    flash = bench.flash
    assert flash(5) == "5 runs"
    assert flash(4) == "release 5 was at PORT: 4 is older and is not put back"
    assert flash(6, STRANGER) == f"the release is signed by {public_of(STRANGER)[:16]}…, no publisher of this node"
    assert flash(6, board="esp32") == f"the release is for esp32, at PORT is {target.board}"
    assert flash(6, kinds=["air_sensor"]) == "the release is for air_sensor, at PORT is a stop_display"
    assert flash(6, image=99).startswith("the release needs a newer image than at PORT")
    assert flash(6) == "6 runs"
    bench.mark_bad()
    assert flash(6) == "release 6 did not work at PORT: fetch a newer one"
    assert flash(7) == "7 runs"
