"""Every board as a set of facts: flash maps for all kinds, pin maps without conflicts, roles that are wired.

It must never name a role that a board has: it reads the tables.
Specification: boards/README.md.
"""

import importlib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from emulation.launch import BOARDS, LANES, board_facts
from emulation.peripherals.clock import ManualClock
from emulation.peripherals.flash import BLOCK_BYTES
from emulation.peripherals.wiring import Wiring
from protocols.wire.node_kinds import NODE_KINDS

NAMES = sorted(found.parent.name for found in BOARDS.glob("*/board.toml"))
KINDS = [kind for _, kind, _, _ in NODE_KINDS]
PIN_NAMES = ("sda", "scl", "tx", "rx", "red", "green", "blue", "pin", "sck", "mosi", "miso", "cs", "first", "second")


def roles_of(board: str) -> dict[str, dict[str, dict[str, int]]]:
    kinds: dict[str, dict[str, dict[str, int]]] = importlib.import_module(f"boards.{board}.pins").KINDS
    return kinds


@pytest.mark.parametrize("board", NAMES)
def test_a_board_has_a_flash_map_of_whole_blocks_for_every_kind(board: str) -> None:
    flash: dict[str, Any] = board_facts(board)["flash"]
    assert flash["block_bytes"] == BLOCK_BYTES
    for kind in KINDS:
        assert all(size % BLOCK_BYTES == 0 for size in flash[kind].values()), kind
        assert set(flash[kind]) == {"settings_bytes", "documents_bytes", "journal_bytes"}


@pytest.mark.parametrize("board", NAMES)
def test_no_pin_of_a_kind_has_two_roles(board: str) -> None:
    for kind, roles in roles_of(board).items():
        used = Counter(number for role in roles.values() for name, number in role.items() if name in PIN_NAMES)
        assert [pin for pin, count in used.items() if count > 1] == [], kind


@pytest.mark.parametrize("board", NAMES)
def test_a_role_of_several_kinds_stands_on_the_same_pins_in_each(board: str) -> None:
    found: dict[str, dict[str, int]] = {}
    for roles in roles_of(board).values():
        for name, role in roles.items():
            assert found.setdefault(name, role) == role, name


@pytest.mark.parametrize("board", NAMES)
def test_every_kind_is_wired_and_every_role_has_its_factory(board: str) -> None:
    assert sorted(roles_of(board)) == sorted(KINDS)
    hal = (Path(BOARDS) / board / "hal.py").read_text()
    for roles in roles_of(board).values():
        Wiring(roles, {}, ManualClock())
        for name in roles:
            assert f"\ndef {name}(" in hal, name


@pytest.mark.parametrize(
    ("config", "size"),
    [
        ({"width": 256, "height": 32}, (256, 32)),
        ({}, (128, 64)),
        ({"width": 100, "height": 64}, (128, 64)),
        ({"width": "wide", "height": None}, (128, 64)),
        ({"width": 8_000_000, "height": 8}, (128, 64)),
    ],
)
def test_a_panel_has_the_size_that_the_settings_say_unless_it_cannot_be_built(
    config: dict[str, Any], size: tuple[int, int]
) -> None:
    panel = Wiring(roles_of("unix")["stop_display"], config, ManualClock()).panel
    assert panel is not None
    assert (panel.width, panel.height) == size


@pytest.mark.parametrize("board", NAMES)
def test_a_board_names_a_lane_that_is_there(board: str) -> None:
    assert board_facts(board)["emulator"] in LANES
