"""The roster's CSV.

Never asks whether a block exists.
Specification: controller/services/roster.py
"""

from datetime import date

import pytest

from controller.services.roster import read_roster
from protocols.gtfs import FeedErrors

DAY = date(2026, 3, 29)


def test_a_roster_is_looked_up_from_both_sides() -> None:
    roster = read_roster("service_date,vehicle_id,block_id\n20260329,17,A\n2026-03-29,17,B\n20260330,18,A\n")
    assert roster.vehicle_of(DAY, "A") == "17"
    assert roster.vehicle_of(date(2026, 3, 30), "A") == "18"
    assert roster.vehicle_of(DAY, "C") is None
    assert roster.blocks_of(DAY, "17") == ("A", "B")
    assert roster.blocks_of(DAY, "18") == ()


@pytest.mark.parametrize("text", ["", "service_date,vehicle_id,block_id\n"])
def test_an_empty_roster_is_a_roster(text: str) -> None:
    assert read_roster(text).blocks_of(DAY, "17") == ()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("service_date,vehicle_id\n", "roster.csv:1: column missing: block_id"),
        (
            "service_date,vehicle_id,block_id\ntoday,17,A\n",
            "roster.csv:2: service_date: 'today' is not a date YYYYMMDD",
        ),
        ("service_date,vehicle_id,block_id\n20260329,,A\n", "roster.csv:2: vehicle_id is empty"),
        (
            "service_date,vehicle_id,block_id\n20260329,17,A\n20260329,18,A\n",
            "roster.csv:3: block_id 'A' has a vehicle on this day already: '17'",
        ),
    ],
)
def test_a_mistake_in_the_roster_is_named_by_its_line(text: str, complaint: str) -> None:
    with pytest.raises(FeedErrors) as caught:
        read_roster(text)
    assert [str(error) for error in caught.value.errors] == [complaint]
