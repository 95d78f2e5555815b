"""The flash of an emulated RP2040: rp2.Flash into the image, with its times, torn by a power cut, kept for good.

It must never know the journal: what is written are plain pages.
Specification: emulation/rp2040/README.md; W25Q16JV data sheet, section 9.6.
"""

import struct
from pathlib import Path

import pytest

pytest.importorskip("rp2040py", reason="the RP2040 emulator is missing; type: make setup")

from emulation.peripherals.flash import PAGE_PROGRAM_US, SECTOR_ERASE_US
from emulation.rp2040.flash_ops import ChipFlash
from emulation.rp2040.image import (
    IMAGE_VARIABLE,
    ImageBroken,
    ImageMissing,
    burn_image,
    burn_settings,
    find_image,
)
from emulation.tests.rp2040_board import desk

OPEN = "from boards.rpi_pico import hal\nimport time\nflash = hal.journal_flash()\n"
ERASED_PAGE = b"\xff" * 256


def test_pages_and_erases_land_in_the_journals_image_and_bits_only_fall(tmp_path: Path) -> None:
    with desk(tmp_path) as board:
        said = board.type(
            OPEN + "flash.writeblocks(1, b'\\xf0' * 256, 512)\nflash.writeblocks(1, b'\\x3c' * 256, 512)\n"
            "print(bytes(memoryview(flash)[4096 + 512:4096 + 514]), flash.ioctl(4, 0))"
        )
        assert said == "b'00' 128\n"
        assert board.handle.flash_image()[4096 + 512 : 4096 + 768] == b"\x30" * 256
        board.type("flash.ioctl(6, 1)")
        assert board.handle.flash_image() == b"\xff" * 524_288


def test_operations_take_the_chips_time(tmp_path: Path) -> None:
    with desk(tmp_path) as board:
        said = board.type(
            OPEN + "start = time.ticks_us()\nflash.writeblocks(0, bytes(256), 0)\nmiddle = time.ticks_us()\n"
            "flash.ioctl(6, 0)\nprint(time.ticks_diff(middle, start), time.ticks_diff(time.ticks_us(), middle))"
        )
    program_us, erase_us = map(int, said.split())
    assert PAGE_PROGRAM_US <= program_us <= PAGE_PROGRAM_US + 1500
    assert SECTOR_ERASE_US <= erase_us <= SECTOR_ERASE_US + 1500


def test_a_power_cut_tears_the_page_that_is_being_programmed(tmp_path: Path) -> None:
    with desk(tmp_path) as board:
        board.handle.cut_power_at(board.handle.flash.operations + 3)
        board.begin(OPEN + "for page in range(8):\n    flash.writeblocks(0, bytes(256), 256 * page)")
        assert board.node.run_until(lambda: not board.handle.alive, 1)
        image = board.handle.flash_image()
        assert image[:512] == bytes(512)
        assert image[512:768] not in (bytes(256), ERASED_PAGE)
        assert image[768:] == b"\xff" * (len(image) - 768)
        board.handle.start()
        board.settle()
        assert board.type(OPEN + "print(memoryview(flash)[511], memoryview(flash)[1024])") == "0 255\n"
        assert board.handle.flash_image() == image


def test_a_power_cut_leaves_an_erase_half_done(tmp_path: Path) -> None:
    with desk(tmp_path) as board:
        board.type(OPEN + "flash.writeblocks(2, bytes(4096), 0)")
        board.handle.cut_power_at(board.handle.flash.operations + 1)
        board.begin("flash.ioctl(6, 2)")
        assert board.node.run_until(lambda: not board.handle.alive, 1)
        torn = board.handle.flash_image()[8192:12288]
    assert torn.count(0) < 4096
    assert torn.count(0xFF) < 4096
    assert (tmp_path / "chip.flash").stat().st_size == 2_097_152


def test_a_file_survives_the_cut_and_settings_come_from_the_folder(tmp_path: Path) -> None:
    with desk(tmp_path) as board:
        assert "00000000000000a1" in board.type("print(open('/settings.json').read())")
        board.type("with open('/kept.txt', 'w') as file:\n    file.write('kept')")
        board.power_cycle()
        assert board.type("import machine\nprint(open('/kept.txt').read(), machine.reset_cause())") == "kept 1\n"


def test_new_settings_are_burned_beside_what_the_file_system_holds(tmp_path: Path) -> None:
    with desk(tmp_path) as board:
        board.type("with open('/kept.txt', 'w') as file:\n    file.write('kept')")
        (tmp_path / "settings.json").write_text("{}")
        board.power_cycle()
        assert board.type("print(open('/kept.txt').read(), open('/settings.json').read())") == "kept {}\n"


def uf2(address: int, payload: bytes = bytes(256), magic: int = 0x0A324655) -> bytes:
    header = struct.pack("<8I", magic, 0x9E5D5157, 0x2000, address, len(payload), 0, 1, 0)
    return (header + payload).ljust(508, b"\0") + struct.pack("<I", 0x0AB16F30)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not whole UF2 blocks"),
        (uf2(0x1000_0000)[:-1], "not whole UF2 blocks"),
        (uf2(0x1000_0000, magic=7), "block 0 is no UF2 block"),
        (uf2(0x2000_0000), "the image ends at"),
        (uf2(0x0), "block 0 is no UF2 block"),
    ],
)
def test_what_is_no_image_for_this_flash_is_refused(tmp_path: Path, data: bytes, said: str) -> None:
    flash = ChipFlash(tmp_path / "chip.flash", 65_536, range(32_768, 65_536))
    (tmp_path / "bad.uf2").write_bytes(data)
    with pytest.raises(ImageBroken, match=said):
        burn_image(flash, tmp_path / "bad.uf2", 32_768)
    assert flash.chip() == b"\xff" * 65_536
    flash.close()


def test_an_image_replaces_the_old_one_and_touches_nothing_else(tmp_path: Path) -> None:
    flash = ChipFlash(tmp_path / "chip.flash", 131_072, range(98_304, 131_072))
    flash.burn(0, bytes(131_072))
    (tmp_path / "good.uf2").write_bytes(uf2(0x1000_0100, b"code"))
    burn_image(flash, tmp_path / "good.uf2", 32_768)
    assert flash.chip()[:32_768] == (ERASED_PAGE + b"code").ljust(32_768, b"\xff")
    burn_settings(flash, range(32_768, 98_304), b"{}")
    assert flash.operations == 0
    assert flash.image() == bytes(32_768)
    flash.close()


def test_a_missing_image_says_how_it_is_built(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(IMAGE_VARIABLE, str(tmp_path / "none.uf2"))
    with pytest.raises(ImageMissing, match="make firmware BOARD=rpi_pico"):
        find_image()
