"""The flash partition: bits that only fall, counters, busy times, and what a power cut leaves behind.

It must never know a file system or a journal.
Specification: W25Q16JV data sheet.
"""

import random
from pathlib import Path

import pytest

from emulation.peripherals.flash import (
    BLOCK_BYTES,
    PAGE_BYTES,
    PAGE_PROGRAM_US,
    SECTOR_ERASE_US,
    Flash,
    Operations,
    PowerCut,
)

SIZE = 4 * BLOCK_BYTES


@pytest.fixture
def flash(tmp_path: Path) -> Flash:
    return Flash(tmp_path / "flash", SIZE)


def test_a_new_partition_is_erased(flash: Flash) -> None:
    assert flash.image() == b"\xff" * SIZE


def test_bits_only_fall_until_their_block_is_erased(flash: Flash) -> None:
    model = bytearray(b"\xff" * SIZE)
    draw = random.Random(1)
    for _ in range(500):
        if draw.random() < 0.05:
            block = draw.randrange(4)
            flash.erase(block)
            model[block * BLOCK_BYTES : (block + 1) * BLOCK_BYTES] = b"\xff" * BLOCK_BYTES
        else:
            data = draw.randbytes(draw.randrange(1, 600))
            at = draw.randrange(SIZE - len(data))
            flash.program(at, data)
            for place, byte in enumerate(data, at):
                model[place] &= byte
        assert flash.image() == model


def test_each_page_and_each_block_is_an_operation_with_its_busy_time(flash: Flash) -> None:
    assert flash.program(PAGE_BYTES - 1, b"ab") == 2 * PAGE_PROGRAM_US
    assert flash.erase(2) == SECTOR_ERASE_US
    assert flash.operations == 3
    assert flash.pages_programmed == 2
    assert flash.erases_by_block == {2: 1}
    assert flash.busy_us == 2 * PAGE_PROGRAM_US + SECTOR_ERASE_US


def test_what_was_programmed_outlives_the_object(tmp_path: Path) -> None:
    flash = Flash(tmp_path / "flash", SIZE)
    flash.program(5000, b"kept")
    flash.close()
    assert Flash(tmp_path / "flash", SIZE).read(5000, 4) == b"kept"


@pytest.mark.parametrize("operation", range(1, 9))
def test_a_cut_tears_a_page_program_at_the_same_bit_each_time(tmp_path: Path, operation: int) -> None:
    images = []
    data = random.Random(2).randbytes(8 * PAGE_BYTES)
    for name in ("first", "second"):
        flash = Flash(tmp_path / name, SIZE)
        flash.cut_at(operation)
        with pytest.raises(PowerCut):
            flash.program(0, data)
        images.append(flash.image())
    assert images[0] == images[1]
    torn = images[0][(operation - 1) * PAGE_BYTES : operation * PAGE_BYTES]
    wanted = data[(operation - 1) * PAGE_BYTES : operation * PAGE_BYTES]
    assert images[0][: (operation - 1) * PAGE_BYTES] == data[: (operation - 1) * PAGE_BYTES]
    assert torn not in (wanted, b"\xff" * PAGE_BYTES)
    assert all(found & byte == byte for found, byte in zip(torn, wanted, strict=True))  # no bit fell that was not to
    assert images[0][operation * PAGE_BYTES :] == b"\xff" * (SIZE - operation * PAGE_BYTES)


def test_a_cut_leaves_an_erase_half_done(flash: Flash) -> None:
    flash.program(0, bytes(BLOCK_BYTES))
    flash.cut_at(flash.operations + 1)
    with pytest.raises(PowerCut):
        flash.erase(0)
    block = flash.read(0, BLOCK_BYTES)
    assert block != bytes(BLOCK_BYTES)
    assert block != b"\xff" * BLOCK_BYTES
    assert flash.erase(0) == SECTOR_ERASE_US  # the supply is back
    assert flash.read(0, BLOCK_BYTES) == b"\xff" * BLOCK_BYTES


def test_what_lies_outside_is_refused(flash: Flash) -> None:
    for outside in (lambda: flash.read(SIZE - 1, 2), lambda: flash.program(SIZE, b"x"), lambda: flash.erase(4)):
        with pytest.raises(ValueError, match="outside"):
            outside()


def test_an_image_of_another_size_is_refused(tmp_path: Path) -> None:
    small = Flash(tmp_path / "flash", SIZE)
    small.erase(0)
    small.close()
    with pytest.raises(ValueError, match="remove the file"):
        Flash(tmp_path / "flash", 2 * SIZE)


def test_partitions_of_one_chip_count_their_operations_together_and_are_cut_together(
    tmp_path: Path,
) -> None:
    chip = Operations()
    journal, documents = Flash(tmp_path / "journal", SIZE, chip), Flash(tmp_path / "documents", SIZE, chip)
    journal.cut_at(2)
    journal.program(0, b"\x00")
    with pytest.raises(PowerCut):
        documents.program(0, b"\x00" * PAGE_BYTES)
    assert (journal.operations, journal.cuts, documents.cuts) == (2, 0, 1)


def test_what_was_never_written_is_blank_and_takes_no_room(tmp_path: Path) -> None:
    flash = Flash(tmp_path / "flash", SIZE)
    assert flash.image() == b"\xff" * SIZE
    assert not (tmp_path / "flash").exists()
