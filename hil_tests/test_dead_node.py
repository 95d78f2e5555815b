"""A node that no longer starts: its journal is read out of its flash and reconciles in the controller's ledger."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from emulation import launch
from emulation.rs485 import Pty
from hil_tests.conftest import City, eventually
from protocols import drain_file

ROOT = Path(__file__).parents[1]


def vuzol(*arguments: str | Path) -> tuple[int, dict[str, Any]]:
    """Status and JSON answer of a command."""
    command = [sys.executable, "-m", "tools.cli", *map(str, arguments), "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=250, check=False)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def taps_while_the_controller_is_away(city: City) -> None:
    city.tap()
    eventually("the first tap is receipted", lambda: city.journal(city.validator_name).settled)
    city.controller.kill()
    for medium in ("desfire", "bank", "phone"):
        city.tap(medium)
    city.validator.cut_power()
    city.controller.start()


def ledger(city: City) -> tuple[int, dict[str, Any]]:
    status, told = vuzol("ledger", "--node", city.validator_name, "--url", city.controller.url)
    return status, told["rows"][0]


def reaches_the_ledger(city: City, file: Path) -> None:
    """Import the file, first dry; then the node comes back and only repeats itself."""
    name = city.validator_name
    journal = city.journal(name).crc_by_seq
    before = city.controller.records(name)
    status, told = vuzol("import", file, "--dry-run", "--url", city.controller.url)
    assert (status, told["new"], told["stored"]) == (0, len(journal) - len(before), 0)
    assert told["new"] >= 3
    status, told = vuzol("import", file, "--url", city.controller.url)
    assert (status, told["stored"], told["conflicting"]) == (0, told["new"], 0)
    assert city.controller.records(name) == journal
    status, row = ledger(city)
    assert (status, row["imported"], row["missing"]) == (0, told["new"], 0)
    city.validator.start()
    eventually("the node has its receipts", lambda: city.reconciles(name))
    status, after = ledger(city)
    assert (status, after["conflicting"], after["imported"]) == (0, 0, row["imported"])
    assert after["refused_duplicates"] - row["refused_duplicates"] >= told["new"]


def test_the_journal_of_a_dead_node_is_read_from_its_flash_image_and_imported_once(city: City, tmp_path: Path) -> None:
    taps_while_the_controller_is_away(city)
    (folder,) = (node.folder for node in city.setting.nodes if node.name == city.validator_name)
    status, told = vuzol("drain", folder / "journal.flash", "--out", tmp_path / "dead.drain")
    assert (status, told["node"], told["damaged"]) == (0, city.validator_name, 0)
    assert told["records"] == len(city.journal(city.validator_name).crc_by_seq)
    reaches_the_ledger(city, tmp_path / "dead.drain")


@contextmanager
def pico_on_a_cable(folder: Path, node: str, journal: bytes) -> Iterator[str]:
    """An emulated Raspberry Pi Pico at its REPL with that journal in its flash; the name of its serial port."""
    pytest.importorskip("rp2040py", reason="the RP2040 emulator is missing; type: make setup")
    from emulation.rp2040.image import ImageMissing, find_image

    try:
        find_image()
    except ImageMissing as missing:
        pytest.skip(str(missing))
    with (
        closing(Pty()) as cable,
        launch.start("rpi_pico", "fare_validator", {"node": node}, folder, program=("-c", "pass")) as handle,
    ):
        board: Any = handle._node
        flash = launch.board_facts("rpi_pico")["flash"]
        own = flash["fare_validator"]
        handle.cut_power()
        at = flash["image_bytes"] + own["settings_bytes"] + 2 * flash["slot_bytes"] + own["documents_bytes"]
        board.flash.burn(at, journal)
        assert handle.flash_image() == journal
        handle.start()
        board.keep_pace()
        board.connect_console(cable.descriptor)
        yield cable.path


@pytest.mark.timeout(300)
def test_the_journal_of_a_dead_board_is_read_over_its_repl_and_goes_on_where_the_cable_was_pulled(
    city: City, tmp_path: Path
) -> None:
    taps_while_the_controller_is_away(city)
    name, file = city.validator_name, tmp_path / "dead.drain"
    journal = city.validator.flash_image()
    with pico_on_a_cable(tmp_path / "pico", name, journal) as port:
        assert vuzol("drain", port, "--out", file)[0] == 0
        assert drain_file.parse(file.read_bytes()).image == journal
        os.truncate(file, file.stat().st_size - 6 * 4096 - 99)
        status, told = vuzol("drain", port, "--out", file)
        assert (status, told["node"], told["damaged"]) == (0, name, 0)
        assert drain_file.parse(file.read_bytes()).image == journal
    reaches_the_ledger(city, file)
