"""What goes into a firmware image, without building one: map, manifest, versions, budget, cache.

It must never start a compiler or use the network.
Specification: boards/README.md, "The image".
"""

import dataclasses
import os
import re
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from boards.rpi_pico import flash_map
from tools import debian_sources, firmware_image
from tools.errors import NO, WRONG_USE, UsageError
from tools.image_plan import (
    BOARDS,
    FLASH_BASE,
    UF2_BLOCK,
    UF2_MAGIC,
    ImagePlan,
    ImageTooBig,
    Partition,
    check_budget,
    config_header,
    fonts_module,
    image_of_uf2,
    input_hash,
    manifest,
    partitions,
    plan_image,
    write_board_folder,
)

FACTS: dict[str, Any] = tomllib.loads((BOARDS / "rpi_pico" / "board.toml").read_text(encoding="utf-8"))
KINDS = ("fare_validator", "stop_display")


@pytest.fixture
def plan() -> ImagePlan:
    return plan_image("rpi_pico")


@pytest.mark.parametrize("kind", KINDS)
def test_partitions_are_whole_sectors_without_overlap_and_fit_the_chip(kind: str) -> None:
    placed = partitions(FACTS, kind)
    assert all(part.start % 4096 == 0 and part.size % 4096 == 0 and part.size > 0 for part in placed)
    assert all(before.end <= after.start for before, after in pairwise(placed))
    assert placed[-1].end <= FACTS["flash"]["total_bytes"] == 2 * 1024 * 1024


@pytest.mark.parametrize("kind", KINDS)
def test_the_device_finds_its_partitions_where_the_map_of_every_kind_puts_them(kind: str) -> None:
    placed = {part.name: part for part in partitions(FACTS, kind)}
    storage = placed.pop("image").end
    on_device = [
        ("settings", flash_map.SETTINGS_START, flash_map.SETTINGS_BYTES),
        ("slot_a", flash_map.SLOT_A_START, flash_map.SLOT_BYTES),
        ("slot_b", flash_map.SLOT_B_START, flash_map.SLOT_BYTES),
        ("documents", flash_map.DOCUMENTS_START, flash_map.DOCUMENTS_BYTES),
        ("journal", flash_map.JOURNAL_START, flash_map.JOURNAL_BYTES),
        ("boot", flash_map.BOOT_START, flash_map.BOOT_BYTES),
    ]
    assert list(placed.values()) == [Partition(name, storage + start, size) for name, start, size in on_device]


def test_micropython_leaves_everything_behind_the_image_to_the_partitions(plan: ImagePlan) -> None:
    header = config_header(plan)
    found = re.search(r"FLASH_STORAGE_BYTES \((\d+)\)", header)
    assert found is not None
    assert int(found[1]) == 2 * 1024 * 1024 - FACTS["flash"]["image_bytes"]
    assert int(found[1]) >= flash_map.BOOT_START + flash_map.BOOT_BYTES
    assert "MICROPY_HW_USB_VID (0x2E8A)" in header


def test_core_modules_are_frozen_and_tests_and_other_boards_are_not(plan: ImagePlan) -> None:
    assert {
        "firmware/main.py", "firmware/drivers/pn532.py", "firmware/nodes/fare_validator.py",
        "protocols/__init__.py", "protocols/wire/messages/tap.py",
        "boards/__init__.py", "boards/rpi_pico/hal.py", "_boot.py", "main.py",
    } <= set(plan.frozen)  # fmt: skip
    assert [name for name in plan.frozen if "tests" in name or "unix" in name or "schema" in name] == []


def test_the_manifest_freezes_every_planned_module_once_and_no_boot_of_micropythons_own(plan: ImagePlan) -> None:
    lines = manifest(plan).splitlines()
    assert len(lines) == len(set(lines)) == 2 + len(plan.frozen) + 1  # the fonts
    assert 'freeze("$(BOARD_DIR)/frozen", "_boot.py")' in lines
    assert [line for line in lines if "PORT_DIR" in line] == ['freeze("$(PORT_DIR)/modules", "rp2.py")']


def test_the_fonts_module_holds_the_bytes_of_the_fonts(plan: ImagePlan) -> None:
    space: dict[str, Any] = {}
    exec(fonts_module({name: path.read_bytes() for name, path in plan.fonts.items()}), space)
    assert space["FILES"] == {path.name: path.read_bytes() for path in (BOARDS.parent / "firmware/fonts").glob("*.bin")}
    assert space["FILES"]


def test_the_board_folder_is_complete_and_forgets_what_is_gone(plan: ImagePlan, tmp_path: Path) -> None:
    (tmp_path / "frozen" / "firmware").mkdir(parents=True)
    (tmp_path / "frozen" / "firmware" / "gone.py").touch()
    write_board_folder(plan, tmp_path)
    written = {path.relative_to(tmp_path / "frozen").as_posix() for path in (tmp_path / "frozen").rglob("*.py")}
    assert written == {*plan.frozen, "frozen_fonts.py"}
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.py")}
    write_board_folder(plan, tmp_path)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.py")} == before


def test_the_hash_changes_with_a_module_a_pin_and_the_flash_map(plan: ImagePlan, tmp_path: Path) -> None:
    pins = debian_sources.PINS
    changed = tmp_path / "main.py"
    changed.write_text("another program")
    facts = {**plan.facts, "flash": {**plan.facts["flash"], "image_bytes": 524_288}}
    hashes = [
        input_hash(plan, pins),
        input_hash(plan, [*pins, "another=1"]),
        input_hash(dataclasses.replace(plan, frozen={**plan.frozen, "main.py": changed}), pins),
        input_hash(dataclasses.replace(plan, facts=facts), pins),
    ]
    assert len(set(hashes)) == 4
    assert input_hash(plan_image("rpi_pico"), pins) == hashes[0]


def test_an_image_of_just_the_budget_fits_and_one_byte_more_does_not(plan: ImagePlan) -> None:
    assert check_budget(plan, plan.budget) == f"{plan.budget} of {plan.budget} bytes (100.0 %)"
    with pytest.raises(ImageTooBig, match=r": 1 too many for boards/rpi_pico/board\.toml"):
        check_budget(plan, plan.budget + 1)


def uf2_blocks(payloads: list[bytes], start: int = FLASH_BASE) -> bytes:
    first, second, last = UF2_MAGIC
    return b"".join(
        UF2_BLOCK.pack(first, second, 0x2000, start + 256 * number, 256, number, len(payloads), 0xE48BFF56, data, last)
        for number, data in enumerate(payloads)
    )


def test_a_uf2_file_is_read_back_as_the_bytes_that_it_puts_into_flash() -> None:
    payloads = [bytes([number]) * 256 for number in range(3)]
    assert image_of_uf2(uf2_blocks(payloads)) == b"".join(payloads)
    with pytest.raises(ValueError, match="no UF2 file of one piece"):
        image_of_uf2(uf2_blocks(payloads, start=FLASH_BASE + 256))


def test_the_pinned_micropython_is_the_boards(plan: ImagePlan) -> None:
    assert debian_sources.SOURCES["micropython"] == f"{plan.micropython}+"


def test_a_version_that_the_build_was_not_made_for_is_refused_by_name() -> None:
    there = {name: f"{wanted}1" for name, wanted in (debian_sources.SOURCES | debian_sources.BINARIES).items()}
    debian_sources.check_versions(there)
    with pytest.raises(UsageError, match=r"micropython 1\.26\.0\+ds-1 \(wanted 1\.25\.0\+\*\), lwip is missing"):
        debian_sources.check_versions({**there, "micropython": "1.26.0+ds-1", "lwip": ""})


def test_the_version_is_read_out_of_what_apt_cache_shows() -> None:
    shown = "Package: micropython\nBinary: micropython\nVersion: 1.25.0+ds-1\nMaintainer: Debian\n"
    assert debian_sources.newest_version(shown) == "1.25.0+ds-1"
    assert debian_sources.newest_version("") == ""


def test_apt_reads_and_writes_nothing_of_the_machines_own(tmp_path: Path) -> None:
    places = re.findall(r'^Dir::\S+ "(.*)";$', debian_sources.apt_config(tmp_path), re.MULTILINE)
    assert len(places) == 12
    assert all(place == "" or Path(place).is_relative_to(tmp_path) for place in places)


def test_a_machine_that_cannot_run_the_programs_is_told_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    with pytest.raises(UsageError, match="this machine is aarch64"):
        debian_sources.DebianTrixie(tmp_path).open()


def test_a_program_that_fails_is_told_with_the_end_of_what_it_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"(?s)the sources: sh -c failed with status 3:\nno such package$"):
        debian_sources.run(["sh", "-c", "echo no such package >&2; exit 3"], tmp_path, {}, "the sources")
    with pytest.raises(UsageError, match="not-there is missing"):
        debian_sources.run(["not-there"], tmp_path, {}, "nothing")


def test_a_board_that_is_not_there_or_needs_no_image_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert firmware_image.main(["--board", "unix"]) == WRONG_USE
    assert firmware_image.main(["--board", "toaster"]) == WRONG_USE
    assert capsys.readouterr().err.splitlines() == [
        "firmware: the board 'unix' has no firmware image; these have: nucleo_f429zi, rpi_pico",
        "firmware: there is no board 'toaster'; there are: nucleo_f429zi, rpi_pico",
    ]


def test_without_root_the_missing_toolchain_is_a_line_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(firmware_image, "missing_packages", lambda: ["cmake", "gcc-arm-none-eabi"])
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(UsageError, match=r"type: sudo apt-get install cmake gcc-arm-none-eabi$"):
        firmware_image.need_toolchain(print)


def test_an_image_that_is_not_in_the_cache_is_told_by_the_status(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert firmware_image.main(["--board", "rpi_pico", "--path"]) == NO
    told = Path(capsys.readouterr().out.strip())
    assert told.parent.parent == tmp_path / "vuzol" / "firmware"


def test_an_image_in_the_cache_is_not_built_again_but_still_has_to_fit(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    image = firmware_image.cached_image("rpi_pico")
    image.folder.mkdir(parents=True)
    image.binary.write_bytes(bytes(1000))
    (image.folder / "image.json").write_text("{}")
    assert firmware_image.main(["--board", "rpi_pico"]) == 0
    assert "firmware: image 1000 of 655360 bytes (0.2 %)" in capsys.readouterr().out
    image.binary.write_bytes(bytes(700_000))
    assert firmware_image.main(["--board", "rpi_pico"]) == NO
    assert "44640 too many" in capsys.readouterr().err


def test_only_the_newest_images_stay_in_the_cache_and_the_sources_always_do(tmp_path: Path) -> None:
    (tmp_path / "trees").mkdir()
    for number in range(firmware_image.KEPT_IMAGES + 2):
        note = tmp_path / f"image-{number}" / "image.json"
        note.parent.mkdir()
        note.touch()
        os.utime(note, (number, number))
    firmware_image.forget_old_images(tmp_path)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"trees", *(f"image-{number + 2}" for number in range(firmware_image.KEPT_IMAGES))}
