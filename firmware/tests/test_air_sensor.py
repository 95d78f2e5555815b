"""An air post in its weather: what its minutes say, what is marked, what survives; in virtual time.

It must never look inside the firmware: what is seen are light, console and the records on flash.
Spec: protocols/schema/air_sensor.py; design, domain.md "Air"; protocol.md G1 to G4.
"""

import hashlib
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulation import air_sheets
from emulation.launch import board_facts, start
from firmware.document_store import DocumentStore
from firmware.tests.air_posts import MINUTE_S, START_S, Launch, Minutes, events, launching, pass_minutes
from firmware.tests.conftest import free_port, journalled, settings_of, wait_for
from firmware.tests.device.ram_flash import RamFlash
from protocols.wire import air_rows, registers
from protocols.wire.air_rows import (
    FLAG_HUMIDITY,
    FLAG_MAINTENANCE,
    FLAG_NOISE,
    FLAG_RANGE,
    FLAG_WARM_UP,
    GASES,
)
from protocols.wire.document import CALIBRATION, Offer
from protocols.wire.messages import air_means, event, status

PM = ("pm1", "pm2_5", "pm10")
FACTS = board_facts("unix")["flash"]["air_sensor"]


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Launch]:
    """launch(**config) starts a post of its own in virtual time; it ends with the test."""
    with launching(tmp_path) as launched:
        yield launched


def test_a_minute_says_what_the_weather_was(launch: Launch) -> None:
    post = launch()
    weather = post.air.weather
    weather.temperature_c, weather.humidity_percent, weather.pressure_pa = 12.5, 61.0, 98_760.0
    weather.gases_ppb.update(no2=43.0, o3=31.0, co=512.0)
    minute = pass_minutes(post, 2)[1]
    for name, value, tolerance in (
        ("pm1", 80, 0),
        ("pm2_5", 120, 0),
        ("pm10", 200, 0),
        ("temperature", 1250, 2),
        ("humidity", 610, 1),
        ("pressure", 9876, 1),
        ("wind_speed", 200, 2),
        ("wind_direction", 2700, 1),
        ("supply", 1200, 1),
        ("door", 0, 0),
        ("co", 512, 2),
    ):
        assert minute[name].mean == pytest.approx(value, abs=tolerance), name
    for gas in ("no2", "so2", "no", "o3", "h2s", "nh3"):
        assert minute[gas].mean == pytest.approx(weather.gases_ppb[gas] * 10, abs=5), gas
    assert {row.count for row in minute.values()} == {60}
    assert {row.flags for row in minute.values()} == {0}
    assert post.light() == "green"


def test_the_electrodes_stand_beside_every_gas_and_the_calibrations_version_with_every_minute(launch: Launch) -> None:
    post = launch(calibration=air_sheets.calibration(version=7))
    minute = pass_minutes(post, 1)[0]
    assert {name for name, row in minute.items() if row.we is not None} == set(GASES)
    no2 = minute["no2"]
    assert no2.we / air_rows.RAW_STEPS_A_MV == pytest.approx(292 + 0.6 * 2 - 20 * 0.277, abs=0.2)
    assert no2.ae / air_rows.RAW_STEPS_A_MV == pytest.approx(300, abs=0.2)
    assert {air_means.parse(one.body).calibration for one in journalled(post, air_means.KIND)} == {7}


def test_another_sheet_gives_another_concentration_from_the_same_electrodes(launch: Launch) -> None:
    sheet = air_sheets.calibration("no2")
    sheet["cells"][0]["sensitivity_nv"] *= 2
    right, doubled = launch("right"), launch("doubled", calibration=sheet)
    (one,), (other,) = pass_minutes(right, 1).periods, pass_minutes(doubled, 1).periods
    assert other[2]["no2"].we == one[2]["no2"].we
    assert other[2]["no2"].mean == pytest.approx(one[2]["no2"].mean / 2, abs=1)


def test_what_happened_within_a_minute_stands_in_its_bounds_and_its_deviation(launch: Launch) -> None:
    post = launch(calibration=air_sheets.calibration("no2"))
    post.pass_time(MINUTE_S)
    for ppb in (40.0, 80.0):
        post.air.weather.gases_ppb["no2"] = ppb
        post.pass_time(30)
    post.pass_time(START_S)
    no2 = Minutes(post)[1]["no2"]
    assert no2.mean == pytest.approx(600, abs=15)
    assert (no2.minimum, no2.maximum) == (pytest.approx(400, abs=5), pytest.approx(800, abs=5))
    assert no2.deviation == pytest.approx(200, abs=5)


def test_the_wind_that_turns_through_north_comes_from_north(launch: Launch) -> None:
    post = launch(calibration=air_sheets.calibration("no2"))
    post.pass_time(MINUTE_S)
    for degrees in (340.0, 20.0):
        post.air.weather.wind_from_deg = degrees
        post.pass_time(30)
    post.pass_time(START_S)
    assert Minutes(post)[1]["wind_direction"].mean in (*range(20), *range(3580, 3600))


def test_a_calm_has_a_speed_and_no_direction(launch: Launch) -> None:
    post = launch(calibration=air_sheets.calibration("no2"))
    post.air.weather.wind_mps = 0.0
    minute = pass_minutes(post, 2)[1]
    assert minute["wind_speed"].mean == 0
    assert "wind_direction" not in minute


def test_sensors_that_have_just_been_switched_on_are_marked(launch: Launch) -> None:
    post = launch(calibration=air_sheets.calibration("no2"), cell_warm_up_s=90)
    minutes = pass_minutes(post, 3)
    assert [minutes[number]["pm10"].flags for number in range(3)] == [FLAG_WARM_UP, 0, 0]
    assert [minutes[number]["no2"].flags for number in range(3)] == [FLAG_WARM_UP, FLAG_WARM_UP, 0]
    assert minutes[0]["temperature"].flags == 0


def test_damp_air_marks_particles_and_very_damp_air_the_cells_too(launch: Launch) -> None:
    post = launch(calibration=air_sheets.calibration("no2"))
    pass_minutes(post, 1)
    post.air.weather.humidity_percent = 85.0
    damp = pass_minutes(post, 2)[2]
    assert {damp[name].flags for name in PM} == {FLAG_HUMIDITY}
    assert damp["no2"].flags == 0
    post.air.weather.humidity_percent = 96.0
    assert pass_minutes(post, 2)[4]["no2"].flags == FLAG_HUMIDITY


def test_air_that_is_too_cold_for_the_cells_tables_is_marked(launch: Launch) -> None:
    post = launch(calibration=air_sheets.calibration("no2"))
    post.air.weather.temperature_c = -31.0
    assert pass_minutes(post, 2)[1]["no2"].flags == FLAG_RANGE


def test_a_cell_is_marked_while_the_gas_that_it_sees_too_is_not_measured(launch: Launch) -> None:
    alone = launch("alone", calibration=air_sheets.calibration("o3"))
    assert pass_minutes(alone, 2)[1]["o3"].flags == FLAG_RANGE
    both = launch("both", calibration=air_sheets.calibration("no2", "o3"))
    o3 = pass_minutes(both, 2)[1]["o3"]
    assert (o3.flags, o3.mean) == (0, pytest.approx(250, abs=5))


def test_a_cell_with_a_bad_contact_is_noise_and_its_neighbour_is_not(launch: Launch) -> None:
    post = launch(calibration=air_sheets.calibration("no2", "so2"))
    post.air.make_noise("no2", 5.0)
    minute = pass_minutes(post, 2)[1]
    assert (minute["no2"].flags, minute["so2"].flags) == (FLAG_NOISE, 0)


def test_while_somebody_works_on_the_post_everything_is_measured_and_marked(launch: Launch) -> None:
    post = launch(calibration=air_sheets.calibration("no2"))
    pass_minutes(post, 1)
    post.air.open_door()
    post.air.maintain(True)
    minute = pass_minutes(post, 2)[2]
    assert post.light() == "blue"
    assert {row.flags & FLAG_MAINTENANCE for row in minute.values()} == {FLAG_MAINTENANCE}
    assert minute["door"].mean == 100
    post.air.maintain(False)
    post.air.shut_door()
    minute = pass_minutes(post, 2)[4]
    assert post.light() == "green"
    assert {row.flags for row in minute.values()} == {0}
    assert minute["door"].mean == 0


@pytest.mark.parametrize(
    ("plug", "channels", "name"),
    [
        ("pms5003", PM, "PMS5003"),
        ("bme280", ("temperature", "humidity", "pressure"), "BME280"),
        ("0", ("no2", "so2"), "ADS1115 0"),
    ],
)
def test_a_sensor_that_is_pulled_out_is_missed_alone_and_comes_back(
    launch: Launch, plug: str, channels: tuple[str, ...], name: str
) -> None:
    post = launch()
    pass_minutes(post, 1)
    post.air.unplug(plug)
    missing = pass_minutes(post, 2)[2]
    assert post.light() == "amber"
    assert not set(channels) & set(missing)
    assert {row.count for channel, row in missing.items()} == {60}
    post.air.plug(plug)
    back = pass_minutes(post, 2)[4]
    assert post.light() == "green"
    assert {back[channel].count for channel in channels} == {60}
    told = [(code, text) for code, text in events(post) if name in text]
    assert [code for code, _ in told] == [event.CODE_PERIPHERAL_FAULT, event.CODE_PERIPHERAL_BACK]
    assert told[1][1] == f"{name} works"


def test_noise_on_the_line_costs_no_more_than_a_second(launch: Launch) -> None:
    post = launch(calibration=air_sheets.calibration("no2"))
    pass_minutes(post, 1)
    post.pass_time(10)
    post.air.inject(b"\x42\x4d\x00\x1c\x42\x4d" + bytes(range(90)))
    minute = pass_minutes(post, 1)[1]
    assert {minute[name].count for name in PM} <= {59, 60}
    assert minute["pm10"].mean == 200


@pytest.mark.parametrize("particles", ["sps30", "sps30_uart"])
def test_an_sps30_tells_pm4_as_well_on_either_of_its_interfaces(launch: Launch, particles: str) -> None:
    post = launch(particles=particles, calibration=air_sheets.calibration("no2"))
    minute = pass_minutes(post, 2)[1]
    assert [minute[name].mean for name in ("pm1", "pm2_5", "pm4", "pm10")] == [80, 120, 160, 200]
    assert minute["pm10"].count == 60


def test_a_third_of_the_heap_is_free_in_service(launch: Launch) -> None:
    post = launch(status_s=30)
    pass_minutes(post, 3)
    now = status.parse(journalled(post, status.KIND)[-1].body)
    assert now.heap_free * 3 > now.heap_free + now.heap_used


def test_settings_without_a_whole_calibration_are_told_in_one_sentence(launch: Launch) -> None:
    post = launch(calibration={"version": 1, "cells": [{"gas": "xenon"}]})
    post.pass_time(5)
    assert "config.calibration must be" in post.console
    assert "Traceback" not in post.console


def burn_calibration(folder: Path, version: int, content: bytes) -> None:
    """Put a calibration document in force, as the node's own store does when it has pulled one."""
    flash = RamFlash(FACTS["documents_bytes"] // 4096)
    store = DocumentStore(flash)
    store.open()
    offer = Offer(CALIBRATION, version, len(content), hashlib.sha256(content).digest(), b"")
    assert store.begin(offer)
    while store.work() is True:
        while store.wanted:
            offset, size = store.wanted
            store.write(offset, content[offset : offset + size])
    (folder / "documents.flash").write_bytes(flash.data)


def test_a_calibration_document_takes_the_place_of_the_settings_and_its_version_goes_with_every_minute(
    launch: Launch, tmp_path: Path
) -> None:
    (tmp_path / "post").mkdir()
    document = json.dumps({"cells": air_sheets.calibration("co")["cells"]} | {"version": 1})
    burn_calibration(tmp_path / "post", 70_001, document.encode())
    post = launch(calibration=air_sheets.calibration("no2", version=3))
    (start_s, _, rows) = pass_minutes(post, 1).periods[0]
    assert start_s == 0
    assert set(rows) & set(GASES) == {"co"}
    assert [air_means.parse(one.body).calibration for one in journalled(post, air_means.KIND)] == [70_001]


def test_a_calibration_document_that_is_none_is_told_and_the_settings_stay(launch: Launch, tmp_path: Path) -> None:
    (tmp_path / "post").mkdir()
    burn_calibration(tmp_path / "post", 5, b"no JSON")
    post = launch(calibration=air_sheets.calibration("no2", version=3))
    assert "no2" in pass_minutes(post, 1)[0]
    assert air_means.parse(journalled(post, air_means.KIND)[0].body).calibration == 3
    assert [text for code, text in events(post) if code == event.CODE_SETTINGS_FAULT] != []


def test_mbpoll_reads_the_last_minute_and_what_is_not_measured_is_no_number(tmp_path: Path) -> None:
    """In real time: mbpoll is another program, which waits for the answers."""
    program = shutil.which("mbpoll")
    if program is None:
        pytest.skip("mbpoll is not installed (apt-get install mbpoll)")
    port = free_port()
    uplink = {"uplink": {"transport": "modbus_tcp", "unit": 17, "port": port}}
    addresses = {row.name: row.address for row in registers.registers_of("air_sensor")}

    def read(name: str, kind: str) -> str:
        asked = [program, "-1", "-0", "-a", "17", "-B", "-t", kind, "-r", str(addresses[name]), "-p", str(port)]
        told = subprocess.run([*asked, "127.0.0.1"], capture_output=True, text=True, timeout=30, check=False).stdout
        return next((line.split()[1] for line in told.splitlines() if line.startswith("[")), told)

    with start("unix", "air_sensor", settings_of("air_sensor") | uplink, tmp_path) as post:
        wait_for(lambda: journalled(post, air_means.KIND), 90, "a minute")
        wait_for(lambda: read("calibration", "4:int") == "1", 10, "the port")
        time.sleep(1.1)  # a set of values lasts a second
        assert float(read("pm2_5", "4:float")) == 12.0
        assert read("pm2_5_fixed", "4") == "120"
        assert read("pm2_5_flags", "4") == str(FLAG_WARM_UP)
        assert float(read("no2", "4:float")) == pytest.approx(20.0, abs=0.3)
        assert read("pm4", "4:float").lower().strip("-") == "nan"  # no PMS5003 knows it
