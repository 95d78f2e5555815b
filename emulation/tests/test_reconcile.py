"""The ledger can fail: every kind of lie about the journals is found."""

from binascii import crc32
from dataclasses import dataclass, field
from typing import Any

import pytest

from emulation.town.predictions import PredictionWatch
from emulation.town.reconcile import Ledger, read_journal
from protocols.wire import journal_format as layout
from protocols.wire import record
from protocols.wire.messages import gap, position

RECORDS = [
    record.build(position.KIND, 1, record.CLOCK_GNSS, seq, 1_792_310_400_000 + seq, bytes(position.SIZE))
    for seq in range(1, 6)
]
ROW = {"refused_duplicates": 0}


def image(records: list[bytes], receipted: int) -> bytes:
    """A journal of one sector, one entry a page, as a node would leave it."""
    pages = [layout.build_entry(data) for data in records] + [layout.build_mark(receipted)]
    sector = layout.build_header(layout.SectorHeader(1, 1, 1, 0)) + pages[0]
    for entry in pages[1:]:
        sector = sector.ljust(-(-len(sector) // layout.PAGE_SIZE) * layout.PAGE_SIZE, b"\xff") + entry
    return sector.ljust(layout.SECTOR_SIZE, b"\xff")


@dataclass
class Case:
    records: list[bytes] = field(default_factory=lambda: list(RECORDS))
    receipted: int = 5
    stored: list[tuple[int, int]] = field(default_factory=lambda: [(n, crc32(r)) for n, r in enumerate(RECORDS, 1)])


def reconcile(case: Case) -> Ledger:
    ledger = Ledger()
    ledger.add("a1", read_journal(image(case.records, case.receipted)), case.stored, ROW)
    return ledger


def test_a_sound_journal_reconciles() -> None:
    ledger = reconcile(Case())
    assert ledger.reconciles
    assert ledger.records() == {
        "journalled": 5, "receipted": 5, "stored": 5, "lost": 0, "duplicated": 0,
        "refused_duplicates": 0, "declared_gaps": 0,
    }  # fmt: skip


LIES: list[tuple[str, Any, str]] = [
    ("a receipted record is not stored", lambda c: c.stored.pop(2), "record 3 is not stored"),
    ("a record is stored twice", lambda c: c.stored.append(c.stored[0]), ""),
    (
        "a record is stored with other bytes",
        lambda c: c.stored.__setitem__(1, (2, 99)),
        "record 2 is stored with other",
    ),
    (
        "a record is stored that nobody journalled",
        lambda c: c.stored.append((6, 1)),
        "record 6 is stored but was never",
    ),
    ("a record waits for its receipt", lambda c: setattr(c, "receipted", 4), "receipted up to 4 of 5"),
]


@pytest.mark.parametrize(("lie", "difference"), [lie[1:] for lie in LIES], ids=[lie[0] for lie in LIES])
def test_the_ledger_finds(lie: Any, difference: str) -> None:
    case = Case()
    lie(case)
    ledger = reconcile(case)
    assert not ledger.reconciles
    assert difference in "".join(ledger.differences)


def test_a_declared_gap_is_no_loss() -> None:
    declared = record.build(gap.KIND, 1, record.CLOCK_GNSS, 5, 0, gap.build(gap.Gap(2, 3, gap.REASON_TORN_WRITE)))
    kept = [RECORDS[0], RECORDS[3], declared]
    stored = [(seq, crc32(data)) for seq, data in zip((1, 4, 5), kept, strict=True)]
    ledger = reconcile(Case(kept, 5, stored))
    assert ledger.reconciles, ledger.differences
    assert (ledger.journalled, ledger.receipted, ledger.stored, ledger.declared_gaps) == (3, 3, 3, 2)


def test_a_gap_declared_in_a_sector_that_was_erased_since_is_no_loss_either() -> None:
    declared = record.build(gap.KIND, 1, record.CLOCK_GNSS, 3, 0, gap.build(gap.Gap(2, 2, gap.REASON_TORN_WRITE)))
    stored = [(seq, crc32(data)) for seq, data in ((1, RECORDS[0]), (3, declared), (4, RECORDS[3]), (5, RECORDS[4]))]
    before = read_journal(image([RECORDS[0], declared], 3))
    now = image(RECORDS[3:], 5)
    seen, unseen = Ledger(), Ledger()
    seen.add("a1", read_journal(now, before), stored, ROW)
    unseen.add("a1", read_journal(now), stored, ROW)
    assert seen.reconciles, seen.differences
    assert (seen.journalled, seen.stored, seen.declared_gaps) == (4, 4, 1)
    assert unseen.differences == ["a1: record 2 is not stored"]


def test_a_number_given_out_again_after_its_sector_was_erased_is_found() -> None:
    ledger = Ledger()
    again = record.build(position.KIND, 1, record.CLOCK_GNSS, 5, 99, bytes(position.SIZE))
    before = read_journal(image(RECORDS, 5))
    stored = [(seq, crc32(data)) for seq, data in enumerate([*RECORDS[:4], again], 1)]
    ledger.add("a1", read_journal(image([again], 5), before), stored, ROW)
    assert ledger.differences == ["a1: record 5 is stored with other bytes than the journal's"]


def arrival(expected_s: float, *, realtime: bool = True) -> dict[str, Any]:
    return {"vehicle_id": "101", "trip_id": "t", "expected_s": expected_s, "realtime": realtime}


def test_predictions_are_judged_by_what_happens() -> None:
    watch = PredictionWatch({("101", "t", "S"): [1000.0, 1000.0 + 86_400]})
    watch.sample("S", [arrival(970.0), arrival(400.0, realtime=False)], now_s=900.0)
    watch.sample("S", [arrival(1090.0)], now_s=800.0)
    assert watch.mean_error_s() == {"0-3": 30.0, "3-6": 90.0, "6-10": None, "10-15": None}
