"""`vuzol drain` on flash images, and what it refuses; over a real board's REPL it is tested in hil_tests.

It must never need a board.
Specification: tools/README.md, "Dead nodes"; protocols/drain_file.py.
"""

import json
from pathlib import Path

import pytest

from protocols import drain_file
from protocols.tests.journals import image_of
from protocols.wire import record
from protocols.wire.messages import gap
from tools import drain, texts
from tools.drain_sources import ImageFile, flash_map
from tools.errors import DONE, NO, UsageError

NODE = "00000000000000a1"
RECORDS = [record.build(77, 1, record.CLOCK_GNSS, seq, 1_792_310_400_000, bytes(20)) for seq in range(1, 200)]


def run(source: Path, node: str = NODE, out: Path | None = None) -> int:
    return drain.run(
        drain.Job(str(source), node, "rpi_pico", out or source.with_suffix(".drain")), as_json=True, language="en"
    )


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    path = tmp_path / "journal.flash"
    path.write_bytes(image_of(RECORDS, receipted=150))
    return path


def test_the_journal_of_an_image_is_kept_byte_for_byte_and_told(
    journal: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(journal) == DONE
    told = json.loads(capsys.readouterr().out)
    assert (told["node"], told["records"], told["highest_seq"]) == (NODE, 199, 199)
    assert (told["receipted"], told["damaged"]) == (150, 0)
    kept = drain_file.parse(journal.with_suffix(".drain").read_bytes())
    assert (kept.node.hex(), kept.image, kept.whole) == (NODE, journal.read_bytes(), True)


def test_the_journal_is_found_in_the_image_of_a_whole_chip(journal: Path, tmp_path: Path) -> None:
    parts = flash_map("rpi_pico")
    place = parts["journal"]
    image = journal.read_bytes().ljust(place.size, b"\xff")
    chip = tmp_path / "chip.bin"
    chip.write_bytes(bytes(place.start) + image + b"\xff" * (parts["whole"].size - place.end))
    assert run(chip) == DONE
    assert drain_file.parse(chip.with_suffix(".drain").read_bytes()).image == image


def test_the_node_is_named_by_the_settings_beside_its_flash_and_must_not_be_contradicted(
    journal: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="give --node"):
        run(journal, node="")
    (tmp_path / "settings.json").write_text(json.dumps({"node": NODE, "key": "5e" * 32}))
    assert run(journal, node="") == DONE
    assert b"5e5e" not in journal.with_suffix(".drain").read_bytes()
    with pytest.raises(UsageError, match=f"those of node {NODE}"):
        run(journal, node="00000000000000a2")


def test_a_reading_that_was_broken_off_goes_on_and_only_what_is_missing_is_read(
    journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = journal.with_suffix(".drain")
    assert run(journal) == DONE
    whole = out.read_bytes()
    read: list[int] = []
    sector = ImageFile.sector

    def watched(image: ImageFile, number: int) -> bytes:
        read.append(number)
        return sector(image, number)

    monkeypatch.setattr(ImageFile, "sector", watched)
    for left in (len(whole) - 100, len(whole) - 2 * 4096, len(whole) - 4 * 4096, 0, len(whole)):
        out.write_bytes(whole[:left])
        assert run(journal) == DONE
        assert out.read_bytes() == whole
    assert read == [3, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3]


def test_a_file_that_holds_something_else_is_never_touched(journal: Path, tmp_path: Path) -> None:
    out = tmp_path / "kept"
    run(journal, out=out)
    kept = out.read_bytes()
    with pytest.raises(UsageError, match="something else"):
        run(journal, node="00000000000000a2", out=out)
    journal.write_bytes(image_of(RECORDS[:5]))
    with pytest.raises(UsageError, match="has changed"):
        run(journal, out=out)
    assert out.read_bytes() == kept
    out.write_bytes(b"a letter to my mother")
    with pytest.raises(UsageError, match="something else"):
        run(journal, out=out)
    assert out.read_bytes() == b"a letter to my mother"


def test_a_journal_without_a_record_is_the_answer_no(tmp_path: Path) -> None:
    blank = tmp_path / "blank.flash"
    blank.write_bytes(b"\xff" * 8192)
    assert run(blank) == NO


def test_what_is_neither_port_nor_flash_is_told_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "short").write_bytes(b"x" * 1000)
    for source, told in (("short", "neither a journal"), ("nothing", "is not there")):
        with pytest.raises(UsageError, match=told):
            run(tmp_path / source)


def test_every_reason_of_a_gap_has_its_words() -> None:
    reasons = [name.removeprefix("REASON_").lower() for name in dir(gap) if name.startswith("REASON_")]
    assert len(reasons) >= 4
    for reason in reasons:
        assert f"gap_{reason}" in texts.catalogue("en")
