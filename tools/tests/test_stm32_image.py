"""The image of an STM32 board without building one: what goes in, and what a person is told who has no sources.

It must never start a compiler. Specification: boards/nucleo_f429zi/README.md.
"""

from pathlib import Path

import pytest

from tools import firmware_image, stm32_image
from tools.errors import NO, WRONG_USE
from tools.image_plan import plan_image

BOARD = "nucleo_f429zi"


@pytest.fixture(autouse=True)
def empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv(stm32_image.SOURCE_VARIABLE, raising=False)


def test_somebody_without_the_sources_is_told_which_file_to_unpack(capsys: pytest.CaptureFixture[str]) -> None:
    assert firmware_image.main(["--board", BOARD]) == WRONG_USE
    assert "micropython-1.25.0.tar.xz" in capsys.readouterr().err
    assert firmware_image.main(["--board", BOARD, "--path"]) == NO
    assert capsys.readouterr().out.endswith("firmware.elf\n")


def test_sources_without_the_chips_library_are_no_sources(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "ports" / "stm32").mkdir(parents=True)
    (tmp_path / "ports" / "stm32" / "Makefile").touch()
    monkeypatch.setenv(stm32_image.SOURCE_VARIABLE, str(tmp_path))
    assert firmware_image.main(["--board", BOARD]) == WRONG_USE
    assert stm32_image.LIBRARY in capsys.readouterr().err


def test_our_modules_are_frozen_with_the_ones_that_the_board_shares(tmp_path: Path) -> None:
    (tmp_path / "pins.csv").write_text("PB0,PB0\n")
    files = stm32_image.board_files(plan_image(BOARD), tmp_path)
    manifest = files["manifest.py"].decode()
    for module in ("boot.py", "main.py", "firmware/boot.py", "boards/nucleo_f429zi/hal.py", "frozen_fonts.py"):
        assert f'"{module}"' in manifest
        assert f"frozen/{module}" in files
    assert "frozen/boards/rpi_pico/pulse_counter.py" in files
    assert "frozen/boards/rpi_pico/hal.py" not in files
