"""What an air post keeps: the grid of its minutes, its journal through power cuts, its archive when the journal fills.

It must never look inside the firmware: what is seen are light, console and the records on flash.
Spec: protocols/schema/air_sensor.py; design, domain.md "Air"; protocol.md G1 to G4.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulation import air_sheets
from emulation.journal_image import full_journal
from emulation.launch import board_facts, start
from firmware.tests.air_posts import MINUTE_S, START_S, Launch, Minutes, launching, pass_minutes, rows_of
from firmware.tests.conftest import journalled, settings_of
from protocols.wire import air_rows
from protocols.wire.air_rows import FLAG_HUMIDITY
from protocols.wire.messages import air_means

FACTS = board_facts("unix")["flash"]["air_sensor"]
FOUR = ("no2", "co", "o3", "so2")
SEVEN = (*FOUR, "no", "h2s", "nh3")


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Launch]:
    """launch(**config) starts a post of its own in virtual time; it ends with the test."""
    with launching(tmp_path) as launched:
        yield launched


def test_the_grid_does_not_drift(launch: Launch) -> None:
    post = launch(particles="none", climate="none", calibration={"version": 0, "cells": []}, status_s=3600)
    minutes = pass_minutes(post, 180)
    assert minutes.starts == list(range(0, 180 * MINUTE_S, MINUTE_S))
    assert {minutes[number]["supply"].count for number in range(1, 180)} == {60}
    kept = journalled(post, air_means.KIND)
    assert all(one.time_s - air_means.parse(one.body).start_s == MINUTE_S for one in kept)


def test_a_power_cut_costs_the_running_minute_and_nothing_else(launch: Launch) -> None:
    post = launch(calibration=air_sheets.calibration("no2"))
    pass_minutes(post, 2)
    post.pass_time(40)
    post.cut_power()
    kept = [(one.seq, one.body) for one in journalled(post, air_means.KIND)]
    assert len(kept) == 2
    post.start()
    pass_minutes(post, 1)
    after = [(one.seq, one.body) for one in journalled(post, air_means.KIND)]
    assert after[:2] == kept
    assert len(after) == 3
    numbers = [one.seq for one in journalled(post)]
    assert numbers == sorted(set(numbers))


def test_a_power_cut_while_a_minute_is_written_leaves_every_minute_before_it(launch: Launch) -> None:
    post = launch(calibration=air_sheets.calibration("no2"), status_s=3600)
    kept = [one.body for one in journalled(post, air_means.KIND)]
    for _ in range(4):
        post.pass_time(50)
        post.cut_power_at(post.flash.operations + 1)
        post.wait_until(lambda: not post.alive, 90, "the cut")
        found = [one.body for one in journalled(post, air_means.KIND)]
        assert found[: len(kept)] == kept
        post.start()
        post.pass_time(MINUTE_S + START_S)
        kept = [one.body for one in journalled(post, air_means.KIND)]
        assert len(kept) > len(found)


def test_a_post_whose_journal_fills_goes_over_to_means_of_twenty_minutes(launch: Launch, tmp_path: Path) -> None:
    sectors = FACTS["journal_bytes"] // 4096
    minute = air_means.build(air_means.AirMeans(0, 1, 1, bytes(90)))
    image = full_journal(sectors, air_means.KIND, minute)
    waiting = bytearray(image)
    waiting[-40 * 4096 :] = b"\xff" * (40 * 4096)  # so many sectors are left
    folder = tmp_path / "post"
    folder.mkdir()
    (folder / "journal.flash").write_bytes(waiting)
    post = launch(calibration=air_sheets.calibration("no2"))
    before = len(Minutes(post))
    post.pass_time(41 * MINUTE_S)
    fresh = Minutes(post).periods[before:]
    assert [(start_s, minutes) for start_s, minutes, _ in fresh] == [(0, 20), (1200, 20)]
    rows = fresh[1][2]
    assert {row.count for row in rows.values()} == {1200}
    assert rows["pm10"].mean == 200
    assert rows["pm10"].deviation is None  # brief: a mean and its mark


@pytest.mark.parametrize("gases", [FOUR, SEVEN], ids=["four gases", "seven gases"])
def test_two_days_of_minutes_and_a_month_of_longer_means_fit_the_journal(
    launch: Launch, tmp_path: Path, gases: tuple[str, ...]
) -> None:
    """What a real minute takes is measured; then a journal is filled with as many as a post would write."""
    post = launch(calibration=air_sheets.calibration(*gases))
    pass_minutes(post, 3)
    rows = rows_of(air_means.parse(journalled(post, air_means.KIND)[-1].body))
    brief = [row._replace(flags=row.flags or row.channel % 2 * FLAG_HUMIDITY) for row in rows]  # half of them marked
    sizes = [len(rows), len(air_rows.build(rows, MINUTE_S)), len(air_rows.build(brief, MINUTE_S, brief=True))]
    program = ("-m", "firmware.tests.device.air_capacity", *map(str, sizes))
    with start("unix", "air_sensor", settings_of("air_sensor"), tmp_path, program=program) as filled:
        filled.wait_console("}", 90)
        kept = json.loads(filled.console.splitlines()[-1])
    assert kept["full"] >= (9 if gases == FOUR else 2) * 60
    assert kept["full"] + kept["brief"] >= 48 * 60
    assert kept["longs"] + 2 * 24 * 3 >= 30 * 24 * 3  # the first two days are there in minutes
    assert kept["oldest"] == 1  # nothing was given up
