"""Updates over the air on whole nodes: a set replaced and confirmed, bad ones given up, wrong ones refused, power cut.

It must never stand in for the firmware: sets are built of this source tree, as a publisher builds them.
Spec: firmware/UPDATES.md; protocols/WIRE.md, "Firmware".
"""

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from emulation.launch import NodeHandle, start
from emulation.virtual import VirtualNode
from firmware.tests.conftest import settings_of
from firmware.tests.update_desk import BrokerInTime, UpdateDesk
from protocols import release
from protocols.release import Release
from protocols.wire import journal_format, manifest
from protocols.wire.messages import boot, document
from tools import release_contents
from tools.image_plan import ROOT

KIND = "stop_display"
PUBLISHER = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
THIEF = Ed25519PrivateKey.from_private_bytes(bytes(32))
CUTS = 20
UPDATE_S = 240.0  # of the node's time
CRASHED, HUNG, NO_RECEIPT = document.REASON_CRASHED, document.REASON_HUNG, document.REASON_NO_RECEIPT
Files = dict[str, bytes]


@pytest.fixture(scope="session")
def files() -> Files:
    return release_contents.compiled("unix", [KIND], (0, 2, 0))


def a_release(files: Files, counter: int, key: Ed25519PrivateKey = PUBLISHER, **other: Any) -> Release:
    facts: dict[str, Any] = {"board": "unix", "kinds": [KIND], "image": 1, "firmware": (0, 2, 0)} | other
    return release.sign(release.build(files, counter=counter, **facts), key)


def with_source(files: Files, module: str, source: str, folder: Path) -> Files:
    """The set with another module in it."""
    path = folder / "other.py"
    path.write_text(source)
    return files | {module.removesuffix(".py") + ".mpy": release_contents.compile_module(module, path, folder / "mpy")}


class Street:
    """A display, and the desk that it hears of."""

    def __init__(self, node: NodeHandle, desk: UpdateDesk) -> None:
        self.node = node
        self.desk = desk

    def until_told(self, outcome: int, version: int, timeout_s: float = UPDATE_S) -> tuple[int, int, int, int]:
        """The newest such record about firmware."""

        def found() -> list[tuple[int, int, int, int]]:
            return [one for one in self.desk.told() if one[:2] == (version, outcome)]

        self.node.wait_until(lambda: bool(found()), timeout_s, f"outcome {outcome} of set {version}")
        return found()[-1]

    def updates_to(self, one: Release) -> None:
        self.desk.offer(one)
        self.until_told(document.OUTCOME_CONFIRMED, one.manifest.counter)

    def runs(self) -> tuple[int, ...]:
        """The firmware's version in the newest boot record."""
        return tuple(boot.parse(self.desk.of_kind(boot.KIND)[-1].body).firmware)


Launch = Callable[..., Street]


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Launch]:
    with ExitStack() as nodes:

        def begin(
            publishers: tuple[Ed25519PrivateKey, ...] = (PUBLISHER,), revoked: tuple[Ed25519PrivateKey, ...] = ()
        ) -> Street:
            desk = UpdateDesk()
            settings = settings_of(KIND, 1883) | {
                "publishers": [key.public_key().public_bytes_raw().hex() for key in publishers],
                "revoked_publishers": [key.public_key().public_bytes_raw().hex() for key in revoked],
            }
            broker = BrokerInTime(desk)
            node = start("unix", KIND, settings, tmp_path, lane=lambda order: VirtualNode(order, network=broker.dial))
            return Street(nodes.enter_context(node), desk)

        yield begin


def test_a_node_is_updated_restarts_and_confirms_after_a_receipt(launch: Launch, files: Files) -> None:
    street = launch()
    street.updates_to(a_release(files, 7))
    assert [one[:3] for one in street.desk.told()] == [
        (7, document.OUTCOME_STORED, 0),
        (7, document.OUTCOME_TRIAL, 0),
        (7, document.OUTCOME_CONFIRMED, 0),
    ]
    first, second = (boot.parse(one.body) for one in street.desk.of_kind(boot.KIND))
    assert (first.firmware, second.firmware) == ((0, 1, 0), (0, 2, 0))
    assert second.reset_cause == boot.RESET_CAUSE_UPDATE
    street.node.cut_power()
    street.node.start()
    street.until_told(document.OUTCOME_HELD, 7)
    assert street.runs() == (0, 2, 0)


def test_of_a_small_change_only_that_is_pulled(launch: Launch, files: Files, tmp_path: Path) -> None:
    street = launch()
    street.updates_to(a_release(files, 1))
    whole = sum(one.size for one in street.desk.asked)
    street.desk.asked.clear()
    changed = with_source(files, "firmware/version.py", "FIRMWARE = (0, 3, 0)\n", tmp_path)
    street.updates_to(a_release(changed, 2))
    assert street.runs() == (0, 3, 0)
    pieces = sum(one.size for one in street.desk.asked if one.offset >= manifest_size(street.desk.release))
    assert pieces < 300 < 100_000 < whole


def manifest_size(one: Release | None) -> int:
    assert one is not None
    return manifest.length(one.manifest)


def test_a_set_that_raises_when_it_is_loaded_is_given_up_and_never_taken_again(
    launch: Launch, files: Files, tmp_path: Path
) -> None:
    street = launch()
    street.updates_to(a_release(files, 1))
    bad = with_source(files, "firmware/nodes/stop_display.py", "raise RuntimeError('it cannot start')\n", tmp_path)
    street.desk.offer(a_release(bad, 2))
    assert street.until_told(document.OUTCOME_ROLLED_BACK, 2) == (2, document.OUTCOME_ROLLED_BACK, CRASHED, 1)
    assert "it cannot start" in street.node.console
    street.until_told(document.OUTCOME_HELD, 1)
    refused = street.until_told(document.OUTCOME_REFUSED, 2)  # it is offered again at every connection
    assert refused[2:] == (document.REASON_BAD_SET, 1)
    street.updates_to(a_release(files, 3))


def test_a_set_that_hangs_when_it_is_loaded_is_given_up_after_three_starts(
    launch: Launch, files: Files, tmp_path: Path
) -> None:
    street = launch()
    hangs = "import time\nwhile True:\n    time.sleep_ms(100)\n"
    street.desk.offer(a_release(with_source(files, "firmware/main.py", hangs, tmp_path), 2))
    assert street.until_told(document.OUTCOME_ROLLED_BACK, 2) == (2, document.OUTCOME_ROLLED_BACK, HUNG, 0)
    assert street.node.watchdog_bites == 3
    assert street.runs() == (0, 1, 0), "the factory set"


def test_a_set_whose_tasks_fail_is_given_up_though_receipts_come(launch: Launch, files: Files, tmp_path: Path) -> None:
    source = (ROOT / "firmware" / "nodes" / "stop_display.py").read_text()
    fails = source + "\n\ndef fails(_display, _beat):\n    missing()\n\n\nStopDisplay.show = fails\n"
    street = launch()
    street.updates_to(a_release(files, 1))
    street.desk.offer(a_release(with_source(files, "firmware/nodes/stop_display.py", fails, tmp_path), 2))
    assert street.until_told(document.OUTCOME_ROLLED_BACK, 2, 600)[2:] == (CRASHED, 1)


def test_a_set_that_never_gets_a_receipt_is_given_up(launch: Launch, files: Files) -> None:
    street = launch()
    street.updates_to(a_release(files, 1))
    street.desk.offer(a_release(files, 2, firmware=(0, 2, 0), text="another"))
    street.until_told(document.OUTCOME_STORED, 2)
    street.desk.receipts = False
    street.node.wait_until(lambda: street.node.resets == 3, 400, "the end of its trial")
    street.desk.receipts = True
    assert street.until_told(document.OUTCOME_ROLLED_BACK, 2)[2:] == (NO_RECEIPT, 1)


def test_what_is_not_signed_by_a_publisher_is_not_even_pulled(launch: Launch, files: Files) -> None:
    street = launch(publishers=(PUBLISHER, THIEF), revoked=(THIEF,))
    street.desk.offer(a_release(files, 1, Ed25519PrivateKey.generate()))
    assert street.until_told(document.OUTCOME_REFUSED, 1)[2:] == (document.REASON_WRONG_SIGNATURE, 0)
    street.desk.offer(a_release(files, 2, THIEF))
    assert street.until_told(document.OUTCOME_REFUSED, 2)[2:] == (document.REASON_REVOKED, 0)
    assert street.desk.asked == []
    street.updates_to(a_release(files, 3))
    street.desk.offer(a_release(files, 2))
    assert street.until_told(document.OUTCOME_REFUSED, 2)[2:] == (document.REASON_REVOKED, 0), "told once in a boot"
    assert street.runs() == (0, 2, 0)


def test_a_node_that_knows_no_publisher_takes_no_update(launch: Launch, files: Files) -> None:
    street = launch(publishers=())
    street.desk.offer(a_release(files, 1))
    assert street.until_told(document.OUTCOME_REFUSED, 1)[2:] == (document.REASON_UNVERIFIED, 0)


def test_what_is_for_another_board_or_kind_or_a_newer_image_is_refused(launch: Launch, files: Files) -> None:
    street = launch()
    refusals: tuple[tuple[dict[str, Any], int], ...] = (
        ({"board": "rpi_pico"}, document.REASON_WRONG_BOARD),
        ({"kinds": ["air_sensor"]}, document.REASON_WRONG_KIND),
        ({"image": 99}, document.REASON_IMAGE_TOO_OLD),
    )
    for counter, (other, reason) in enumerate(refusals, start=1):
        street.desk.offer(a_release(files, counter, **other))
        assert street.until_told(document.OUTCOME_REFUSED, counter)[2:] == (reason, 0)
    street.updates_to(a_release(files, 9))


def test_a_piece_that_is_not_what_was_signed_ends_the_update(launch: Launch, files: Files) -> None:
    street = launch()
    good = a_release(files, 1)
    at = len(good.data) - 600
    damaged = Release(good.data[:at] + bytes((good.data[at] ^ 1,)) + good.data[at + 1 :], good.public, good.signature)
    street.desk.offer(damaged)
    assert street.until_told(document.OUTCOME_FAILED, 1)[2:] == (document.REASON_WRONG_HASH, 0)


@pytest.mark.parametrize("seed", [1, 2])
def test_whole_updates_go_through_any_power_cut_and_no_record_is_lost(launch: Launch, files: Files, seed: int) -> None:
    dice = random.Random(seed)
    street = launch()
    counter = cuts = 0
    while cuts < CUTS:
        counter += 1
        street.desk.offer(
            a_release(files, counter, text=f"set {counter}") if counter % 2 else a_release(files, counter)
        )
        while not any(one[:2] == (counter, document.OUTCOME_CONFIRMED) for one in street.desk.told()):
            street.node.pass_time(dice.uniform(0.5, 40))
            if cuts < CUTS:
                cuts += 1
                street.node.cut_power()
                street.node.start()
                street.node.wait_console("node ", 10)
    street.node.pass_time(40)
    image = journal_format.read_image(street.node.flash_image())
    assert street.desk.stored.pairs() == [(1, len(image.records))], "every number once"
    assert street.runs() == (0, 2, 0)
