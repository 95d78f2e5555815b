"""An air post in its weather: every minute is on flash with its quality, whatever a sensor or the supply does."""

import pytest

from emulation.launch import NodeHandle
from hil_tests.records import journalled, of_kind
from hil_tests.target import Desk
from protocols.wire import air_rows
from protocols.wire.air_rows import FLAG_MAINTENANCE, FLAG_WARM_UP, Row
from protocols.wire.messages import air_means, event, status

MINUTE_S = 60
DAY_MINUTES = 24 * 60
PATIENCE_S = 3.5 * MINUTE_S  # of the node's time
SENSORS = (  # what is pulled out, its name in events, its channels
    ("pms5003", "PMS5003", {"pm1", "pm2_5", "pm10"}),
    ("bme280", "BME280", {"temperature", "humidity", "pressure"}),
    ("1", "ADS1115 1", {"co"}),
)
FREE_AT_LEAST = 49_152  # bytes of the heap: boards/rpi_pico/board.toml, [memory.air_sensor]

pytestmark = pytest.mark.needs("air", "journal", "own_time", "power_cut")


def minutes(node: NodeHandle) -> list[tuple[int, dict[str, Row]]]:
    """(start in seconds, rows by channel) of every minute on the node's flash."""
    found = [air_means.parse(one.body) for one in of_kind(node, air_means.KIND)]
    return [
        (m.start_s, {air_rows.CHANNELS[row.channel][0]: row for row in air_rows.parse(m.rows, MINUTE_S)}) for m in found
    ]


def whole_minute(node: NodeHandle) -> dict[str, Row]:
    """The next minute that begins from now on."""
    before = len(minutes(node))
    node.wait_until(lambda: len(minutes(node)) >= before + 2, PATIENCE_S, "a whole minute")
    return minutes(node)[before + 1][1]


def counts(rows: dict[str, Row]) -> set[int]:
    return {row.count for row in rows.values()}


@pytest.mark.needs("days")
def test_all_sensors_are_read_every_second_of_a_minute(desk: Desk) -> None:
    post = desk.node("air_sensor")
    post.air.weather.temperature_c = -4.5
    post.air.weather.gases_ppb.update(no2=41.0, co=610.0)
    minute = whole_minute(post)
    assert {"pm1", "pm2_5", "pm10", "no2", "co", "temperature", "humidity", "pressure", "supply", "door"} <= set(minute)
    assert counts(minute) == {MINUTE_S}
    assert minute["temperature"].mean == pytest.approx(-450, abs=2)
    assert minute["wind_speed"].mean == pytest.approx(200, abs=20)  # of pulses, of which some two come a second
    assert minute["wind_direction"].mean == pytest.approx(2700, abs=2)
    assert minute["no2"].mean == pytest.approx(410, abs=5)
    assert minute["co"].mean == pytest.approx(610, abs=2)
    assert post.light() == "green"


@pytest.mark.needs("days")
def test_what_has_just_been_switched_on_is_marked_until_it_is_warm(desk: Desk) -> None:
    post = desk.node("air_sensor")
    post.wait_until(lambda: len(minutes(post)) >= 3, PATIENCE_S, "three minutes")
    (_, first), (_, second), (_, third) = minutes(post)[:3]
    assert [first["pm10"].flags, second["pm10"].flags] == [FLAG_WARM_UP, 0]
    assert [first["no2"].flags, second["no2"].flags, third["no2"].flags] == [FLAG_WARM_UP, FLAG_WARM_UP, 0]


@pytest.mark.needs("days")
def test_sensors_that_are_pulled_out_are_missed_alone_and_come_back(desk: Desk) -> None:
    post = desk.node("air_sensor")
    whole_minute(post)
    for plug, _, _ in SENSORS:
        post.air.unplug(plug)
    missing = whole_minute(post)
    assert post.light() == "amber"
    assert set(missing) >= {"no2", "supply", "door"}
    assert not set(missing) & set().union(*(channels for _, _, channels in SENSORS))
    assert counts(missing) == {MINUTE_S}
    for plug, _, _ in SENSORS:
        post.air.plug(plug)
    back = whole_minute(post)
    assert set(back) >= set().union(*(channels for _, _, channels in SENSORS))
    assert counts(back) == {MINUTE_S}
    told = [event.parse(one.body) for one in of_kind(post, event.KIND)]
    for _, name, _ in SENSORS:
        assert [one.code for one in told if name in one.text.decode()] == [
            event.CODE_PERIPHERAL_FAULT,
            event.CODE_PERIPHERAL_BACK,
        ]


@pytest.mark.needs("days")
def test_while_somebody_works_on_the_post_everything_is_measured_and_marked(desk: Desk) -> None:
    post = desk.node("air_sensor")
    post.air.open_door()
    post.air.maintain(True)
    minute = whole_minute(post)
    assert post.light() == "blue"
    assert all(row.flags & FLAG_MAINTENANCE for row in minute.values())
    assert minute["door"].mean == 100


@pytest.mark.needs("days")
def test_a_power_cut_costs_the_running_minute_and_nothing_else(desk: Desk) -> None:
    post = desk.node("air_sensor")
    post.wait_until(lambda: len(minutes(post)) >= 2, PATIENCE_S, "two minutes")
    post.pass_time(40)
    post.cut_power()
    kept = [one.body for one in of_kind(post, air_means.KIND)]
    assert len(kept) == 2
    post.start()
    post.wait_until(lambda: len(minutes(post)) >= 3, PATIENCE_S, "the next minute")
    assert [one.body for one in of_kind(post, air_means.KIND)][:2] == kept
    numbers = [one.seq for one in journalled(post)]
    assert numbers == sorted(set(numbers))


def test_a_short_life_of_a_post(desk: Desk) -> None:
    """What the tests above try apart, in one go: where a minute costs many seconds of ours too."""
    post = desk.node("air_sensor")
    post.wait_until(lambda: len(minutes(post)) >= 1, PATIENCE_S, "the first minute")
    cold = minutes(post)[0][1]
    assert {cold[channel].flags & FLAG_WARM_UP for channel in ("pm10", "no2", "co")} == {FLAG_WARM_UP}
    for plug, _, _ in SENSORS:
        post.air.unplug(plug)
    post.pass_time(20)  # longer than a sensor is forgiven
    assert post.light() == "amber"
    for plug, _, _ in SENSORS:
        post.air.plug(plug)
    post.pass_time(10)
    assert post.light() == "green"
    post.air.open_door()
    post.air.maintain(True)
    post.wait_until(lambda: len(minutes(post)) >= 2, PATIENCE_S, "the second minute")
    assert post.light() == "blue"
    second = minutes(post)[1][1]
    pulled = {channel for _, _, channels in SENSORS for channel in channels}
    assert {channel: row.count < MINUTE_S - 15 for channel, row in second.items()} == {
        channel: channel in pulled for channel in second
    }
    assert all(row.flags & FLAG_MAINTENANCE for row in second.values())
    assert second["door"].mean > 20
    told = [event.parse(one.body) for one in of_kind(post, event.KIND)]
    for _, name, _ in SENSORS:
        assert [one.code for one in told if name in one.text.decode()] == [
            event.CODE_PERIPHERAL_FAULT,
            event.CODE_PERIPHERAL_BACK,
        ]
    free = min(status.parse(one.body).heap_free for one in of_kind(post, status.KIND))
    assert free >= FREE_AT_LEAST
    kept = [one.body for one in of_kind(post, air_means.KIND)]
    post.pass_time(50)
    post.cut_power_at(post.flash.operations + 1)  # in the middle of the third minute's record
    post.wait_until(lambda: not post.alive, PATIENCE_S, "the end of the power")
    found = [one.body for one in of_kind(post, air_means.KIND)]
    assert (found[:2], len(found) <= 3) == (kept, True)  # perhaps it was written when the power went
    post.start()
    post.wait_light("blue", PATIENCE_S)  # somebody still works on it
    assert [one.body for one in of_kind(post, air_means.KIND)][: len(found)] == found


@pytest.mark.needs("days")
def test_in_a_day_the_grid_of_minutes_does_not_drift(desk: Desk) -> None:
    """The grid alone: a day of all sensors takes ten minutes."""
    if desk.target.has("silicon"):
        pytest.skip("a day takes hours there")
    no_cells = {"version": 0, "cells": []}
    post = desk.node(
        "air_sensor",
        particles="none",
        climate="none",
        calibration=no_cells,
        wind_mm_a_pulse=0,
        vane_input=-1,
        supply_input=-1,
        status_s=3600,
    )
    post.pass_time(DAY_MINUTES * MINUTE_S + 1)
    found = minutes(post)
    assert [start_s for start_s, _ in found] == list(range(0, DAY_MINUTES * MINUTE_S, MINUTE_S))
    assert {rows["door"].count for _, rows in found} == {MINUTE_S}
