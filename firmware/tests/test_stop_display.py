"""A stop display from the pavement: what is on its glass, and that the records and pictures say the same.

It must never trust the display's word: the glass is read back from the panel's own chips.
Spec: protocols/schema/stop_display.py; design, domain.md "Stop display".
"""

import time
from binascii import crc32
from collections.abc import Callable
from pathlib import Path

import pytest

from emulation.journal_image import full_journal
from emulation.launch import NodeHandle
from firmware.tests.conftest import (
    Broker,
    Desk,
    journalled,
    settings_of,
    wait_for,
    wait_for_receipt,
)
from protocols.wire.messages import arrival_row, gap, result, show_arrivals, shown_on_glass, status
from protocols.wire.text import pad

Launch = Callable[..., NodeHandle]
REALTIME = arrival_row.FLAGS_REALTIME
LONG = "Залізничний вокзал через площу Визволення"


def board(*rows: tuple[int, str], data_age_s: int = 0) -> bytes:
    """Rows of (seconds from now, route)."""
    now_s = int(time.time())
    encoded = b"".join(
        arrival_row.build(arrival_row.ArrivalRow(now_s + left_s, REALTIME, pad(route, 8), pad(LONG, 48)))
        for left_s, route in rows
    )
    return show_arrivals.build(show_arrivals.ShowArrivals(now_s - data_age_s, encoded))


def shown(node: NodeHandle) -> list[shown_on_glass.ShownOnGlass]:
    return [shown_on_glass.parse(one.body) for one in journalled(node, shown_on_glass.KIND)]


def shown_for(node: NodeHandle, command_id: int) -> shown_on_glass.ShownOnGlass:
    return next(
        iter(
            wait_for(
                lambda: [one for one in shown(node) if one.command_id == command_id], 10, f"command {command_id} shown"
            )
        )
    )


@pytest.fixture
def display(launch: Launch, broker: Broker, desk: Desk) -> NodeHandle:
    node = launch("stop_display", settings_of("stop_display", broker.port))
    wait_for_receipt(node)
    return node


def test_before_the_first_board_it_says_that_it_starts(launch: Launch) -> None:
    display = launch("stop_display", settings_of("stop_display"))
    (proof,) = wait_for(lambda: shown(display), 10, "a proof")
    assert (proof.mode, proof.rows, proof.command_id) == (shown_on_glass.MODE_STARTING, 0, 0)
    assert any(display.packed_picture())
    assert proof.picture_crc == crc32(display.packed_picture())


def test_a_board_is_shown_proved_and_its_picture_is_sent(display: NodeHandle, desk: Desk) -> None:
    order = desk.order(show_arrivals.KIND, board((200, "3"), (400, "11А"), (4000, "№5")))
    proof = shown_for(display, order)
    glass = display.packed_picture()
    assert (proof.mode, proof.rows) == (shown_on_glass.MODE_ARRIVALS, 3)
    assert (proof.width, proof.height, proof.brightness) == (128, 64, 8)
    assert proof.picture_crc == crc32(glass)
    picture = wait_for(lambda: [one for one in desk.pictures if one.bits == glass], 5, "the picture")[0]
    assert (picture.width, picture.height) == (128, 64)


def test_it_counts_down_by_itself_without_a_record(display: NodeHandle, desk: Desk) -> None:
    order = desk.order(show_arrivals.KIND, board((62, "3")))
    shown_for(display, order)
    before, proofs, pictures = display.packed_picture(), len(shown(display)), len(desk.pictures)
    wait_for(lambda: display.packed_picture() != before, 8, "another minute")
    time.sleep(1)
    assert len(shown(display)) == proofs
    assert len(desk.pictures) <= pictures + 1


def test_a_board_that_has_passed_becomes_no_data_by_itself_and_that_is_proved(display: NodeHandle, desk: Desk) -> None:
    shown_for(display, desk.order(show_arrivals.KIND, board((-5, "3"))))
    proof = wait_for(lambda: shown(display)[-1].mode == shown_on_glass.MODE_NO_DATA and shown(display)[-1], 15)
    assert (proof.command_id, proof.rows) == (0, 0)
    assert proof.picture_crc == crc32(display.packed_picture())


def test_a_feed_that_is_silent_is_said_beside_the_rows(display: NodeHandle, desk: Desk) -> None:
    fresh = shown_for(display, desk.order(show_arrivals.KIND, board((1000, "3"))))
    silent = shown_for(display, desk.order(show_arrivals.KIND, board((1000, "3"), data_age_s=400)))
    assert (fresh.mode, silent.mode) == (shown_on_glass.MODE_ARRIVALS, shown_on_glass.MODE_NO_DATA)
    assert silent.rows == 1
    assert silent.picture_crc != fresh.picture_crc


def test_a_malformed_board_is_refused_and_the_glass_stays(display: NodeHandle, desk: Desk) -> None:
    shown_for(display, desk.order(show_arrivals.KIND, board((1500, "3"))))
    glass = display.packed_picture()
    order = desk.order(show_arrivals.KIND, board((100, "4"))[:-3])
    refused = result.parse(desk.wait_for(result.KIND)[0].body)
    assert refused == (order, result.OUTCOME_REFUSED, result.REASON_MALFORMED_BODY)
    assert display.packed_picture() == glass


@pytest.mark.parametrize(
    ("width", "height", "rows"), [(64, 32, 2), (128, 32, 2), (192, 48, 3), (192, 64, 3), (384, 64, 2)]
)
def test_a_board_fits_any_panel(launch: Launch, broker: Broker, desk: Desk, width: int, height: int, rows: int) -> None:
    display = launch("stop_display", settings_of("stop_display", broker.port, width=width, height=height, status_s=1))
    wait_for_receipt(display)
    order = desk.order(show_arrivals.KIND, board(*[(100 + 300 * n, f"т{n}") for n in range(8)]))
    proof = shown_for(display, order)
    glass = display.packed_picture()
    assert (proof.rows, proof.picture_crc, len(glass)) == (rows, crc32(glass), width * height // 8)
    health = status.parse(desk.wait_for(status.KIND, 2)[-1].body)
    print(f"heap free {health.heap_free} of {health.heap_free + health.heap_used}")
    assert health.heap_free > (health.heap_free + health.heap_used) / 3


def test_the_two_languages_look_different(launch: Launch, broker: Broker, desk: Desk) -> None:
    glass = []
    for language in ("uk", "en"):
        display = launch("stop_display", settings_of("stop_display", broker.port, language=language))
        wait_for(lambda node=display: shown(node), 10, "a proof")
        glass.append(display.packed_picture())
        display.close()
    assert glass[0] != glass[1]


def test_a_display_without_a_link_for_long_gives_up_its_oldest_records_and_says_which(
    launch: Launch, tmp_path: Path
) -> None:
    folder = tmp_path / "stop_display"
    folder.mkdir()
    old = status.build(status.Status(*[0] * 10))
    (folder / "journal.flash").write_bytes(full_journal(64, status.KIND, old))
    display = launch("stop_display", settings_of("stop_display", status_s=1))
    (declared,) = wait_for(lambda: journalled(display, gap.KIND), 10, "a declared gap")
    lost = gap.parse(declared.body)
    assert (lost.first_seq, lost.reason) == (1, gap.REASON_OVERWRITTEN)
    assert journalled(display)[-1].seq > declared.seq - 1 > lost.last_seq >= 60
    assert display.restarts == 0
