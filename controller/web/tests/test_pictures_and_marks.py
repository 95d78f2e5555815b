"""Pictures, the standing plan and the map's marks: what travels to a browser, byte by byte.

Never opens a browser; the PNG is read by Pillow, an independent reader.
Specification: protocols/README.md, "Picture"; ISO/IEC 15948 (PNG).
"""

import base64
import io
import json
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from PIL import Image

from controller.web.glass import picture_url, proof
from controller.web.language import read_catalogues
from controller.web.marks import details, vehicle_marks
from controller.web.order import natural
from controller.web.panels.town_map import changes
from controller.web.tests.town import HEIGHT, START_S, WIDTH, picture, town
from controller.web.town_plan import draw_plan, route_colour
from controller.web.wording import Words

UK = Words(read_catalogues()["uk"], ZoneInfo("Europe/Kyiv"))


@pytest.mark.parametrize(("width", "height"), [(64, 32), (128, 64), (100, 20), (384, 64)])
def test_a_picture_becomes_a_png_whose_pixels_are_the_panels_lamps(width: int, height: int) -> None:
    stride = (width + 7) // 8
    bits = bytes((y * 37 + x * 11) % 256 for y in range(height) for x in range(stride))
    kind, _, data = picture_url(width, height, bits).partition(",")
    assert kind == "data:image/png;base64"
    image = Image.open(io.BytesIO(base64.b64decode(data))).convert("RGBA")
    assert image.size == (width, height)
    for y in range(height):
        for x in range(width):
            lit = bits[y * stride + x // 8] >> (7 - x % 8) & 1
            assert image.getpixel((x, y)) == ((0xFF, 0xB0, 0x1A, 255) if lit else (0, 0, 0, 0))


def test_a_picture_travels_as_a_few_hundred_bytes() -> None:
    assert len(picture_url(WIDTH, HEIGHT, picture(1))) < 400


def test_a_picture_is_proven_by_the_crc_of_its_record_alone() -> None:
    display = town().displays[0]
    assert proof(display) == "proven"
    assert proof(replace(display, picture_crc=1)) == "newer"
    assert proof(replace(display, picture_crc=None)) == "unproven"
    assert proof(replace(display, bits=None)) == "absent"


@pytest.mark.parametrize(
    ("colour", "drawn"),
    [
        ("C8102E", "#c8102e"),
        ("#0057b8", "#0057b8"),
        ("", "#2f6fb5"),
        ("red", "#2f6fb5"),
        ("FFFFFF", "#2f6fb5"),  # GTFS's word for "none"
        ("FFFF00", "#b3b300"),
        ("000080", "#3c3c89"),
    ],
)
def test_a_route_is_drawn_in_its_feeds_colour_or_one_of_ours(colour: str, drawn: str) -> None:
    assert route_colour(colour, 0) == drawn


def test_the_plan_is_named_by_what_it_holds() -> None:
    plan = draw_plan(town(START_S))
    assert plan.name == draw_plan(town(START_S + 60)).name
    assert plan.name != draw_plan(replace(town(), stops=town().stops[1:])).name
    held = json.loads(plan.body)
    assert [line["route"] for line in held["lines"]] == ["1", "4", "228"]
    assert held["stops"][0] == {"name": "Площа Визволення", "at": [47.9105, 33.3918], "displays": 1}


def test_only_marks_that_changed_and_ids_that_went_are_sent() -> None:
    before, now = town(START_S), town(START_S)
    told = {mark.id: mark for mark in vehicle_marks(before, {}, UK)}
    moved = replace(now.vehicles[0], lat=48.0)
    now = replace(now, vehicles=(moved, *now.vehicles[1:7]))
    changed, gone = changes(told, vehicle_marks(now, {}, UK))
    assert changed == [["17", 48.0, round(before.vehicles[0].lon, 6)]]
    assert gone == ["24"]


def test_a_vehicle_on_no_trip_is_shown_without_a_route() -> None:
    idle = replace(town().vehicles[0], route="", headsign="", trip_id="", delay_s=None)
    snapshot = replace(town(), vehicles=(idle,))
    (mark,) = vehicle_marks(snapshot, {}, UK)
    assert (mark.look.badge, mark.look.label) == ("—", "немає даних")
    assert details(snapshot, (), mark.id, UK)[0] == "Без рейсу"


def test_names_are_ordered_as_people_count() -> None:
    assert sorted(["Борт 10", "Борт 9", "Автобус"], key=natural) == ["Автобус", "Борт 9", "Борт 10"]
