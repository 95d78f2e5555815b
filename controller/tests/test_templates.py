"""Templates of other people's devices: every one of ours reads, every mistake is told by file and key.

Never opens a port. Specification: controller/devices/README.md.
"""

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.devices.plan import Read, reads
from controller.devices.template import FOLDER, GOOD, INVALID, TYPES, Point, Template, TemplateError, load, parse

NAMES = sorted(path.stem for path in FOLDER.glob("*.toml"))

WHOLE = """
name = "A meter"
source = "its manual"

[group.live]
interval_s = 10

[[point]]
name = "power"
address = 12
type = "f32"
group = "live"
"""


@pytest.mark.parametrize("name", NAMES)
def test_each_of_ours_reads_names_its_source_and_plans_every_point_once(name: str) -> None:
    template = load(name)
    assert len(template.source) > 20
    planned = [point for group in template.groups for read in reads(template, group) for point in read.points]
    assert sorted(point.name for point in planned) == sorted(point.name for point in template.points)


def test_the_readme_lists_every_template() -> None:
    text = (FOLDER.parent / "README.md").read_text(encoding="utf-8")
    assert [name for name in NAMES if f"`{name}`" not in text] == []


def test_an_sdm120_answer_gives_the_values_that_its_manual_shows() -> None:
    (read, *_) = reads(load("eastron_sdm120"), "electricity")
    words = bytearray(2 * read.count)
    words[0:4] = bytes.fromhex("43663334")  # 230.2 V, the example of Eastron's protocol document
    found = {point.name: value for point, value, _ in read.values(bytes((4, len(words))) + words)}
    assert found["voltage"] == pytest.approx(230.2, abs=1e-4)
    assert read.pdu == bytes.fromhex("0400000020")


def test_low_words_first_and_an_alarm() -> None:
    template = load("peacefair_pzem_016")
    (read,) = reads(template, "electricity")
    # 220.0 V, 1.000 A, 220.0 W, 1 kWh, 50 Hz, 1.00, no alarm
    answer = struct.pack(">BB10H", 4, 20, 2200, 1000, 0, 2200, 0, 1000, 0, 500, 100, 0xFFFF)
    found = {point.name: value for point, value, _ in read.values(answer)}
    assert found == pytest.approx(
        {"voltage": 220, "current": 1, "power": 220, "energy": 1, "frequency": 50, "power_factor": 1,
         "over_power": 65535}
    )  # fmt: skip


def test_inputs_are_read_bit_by_bit() -> None:
    coils, inputs = reads(load("waveshare_io_8ch"), "contacts")
    assert (coils.pdu, inputs.pdu) == (bytes((1, 0, 0, 0, 8)), bytes((2, 0, 0, 0, 8)))
    assert [value for _, value, _ in inputs.values(bytes((2, 1, 0b10000101)))] == [1, 0, 1, 0, 0, 0, 0, 1]


def test_what_the_device_calls_no_value_is_none_and_so_is_a_nan() -> None:
    point = Point("t", 0, 3, "i16", "g", scale=0.1, invalid=-32768)
    assert point.value(struct.pack(">h", -32768)) == (None, INVALID)
    assert point.value(struct.pack(">h", -105)) == (-105 * 0.1, GOOD)
    assert Point("f", 0, 3, "f32", "g").value(struct.pack(">f", float("nan"))) == (None, INVALID)


def make(points: list[tuple[int, str]], *, max_words: int = 125, max_gap_words: int = 10) -> Template:
    made = tuple(Point(f"p{number}", address, 3, kind, "g") for number, (address, kind) in enumerate(points))
    return Template("t", "s", max_words, max_gap_words, {"g": 1.0}, made)


def spans(planned: tuple[Read, ...]) -> list[tuple[int, int]]:
    return [(read.address, read.count) for read in planned]


def test_a_gap_is_read_over_when_a_second_request_would_cost_more() -> None:
    assert spans(reads(make([(0, "f32"), (12, "f32")]), "g")) == [(0, 14)]
    assert spans(reads(make([(0, "f32"), (13, "f32")]), "g")) == [(0, 2), (13, 2)]
    assert spans(reads(make([(0, "f32"), (4, "f32")], max_gap_words=0), "g")) == [(0, 2), (4, 2)]


@given(
    st.lists(st.tuples(st.integers(0, 400), st.sampled_from(["u16", "u32", "f64"])), min_size=1, max_size=40),
    st.integers(4, 125),
    st.integers(0, 20),
)
def test_no_request_is_larger_than_allowed_and_every_point_is_inside_one(
    points: list[tuple[int, str]], max_words: int, max_gap_words: int
) -> None:
    template = make(points, max_words=max_words, max_gap_words=max_gap_words)
    planned = reads(template, "g")
    assert all(1 <= read.count <= max_words for read in planned)
    inside = [
        point
        for read in planned
        for point in read.points
        if read.address <= point.address and point.address + point.size <= read.address + read.count
    ]
    assert sorted(point.name for point in inside) == sorted(point.name for point in template.points)


@given(st.sampled_from(sorted(set(TYPES) - {"bit"})), st.binary(min_size=8, max_size=8))
def test_whatever_registers_hold_is_a_number_or_no_value(kind: str, data: bytes) -> None:
    value, quality = Point("p", 0, 3, kind, "g", scale=0.1).value(data[: 2 * TYPES[kind][1]])
    assert (value is None) == (quality != GOOD)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('name = "A meter"', "", "name is missing"),
        ("interval_s = 10", 'interval_s = "10"', "group.live.interval_s must be a number"),
        ("interval_s = 10", "interval_s = 0", "group.live.interval_s must be above 0"),
        ("interval_s = 10", "every_s = 10", "group.live.every_s is unknown"),
        ('type = "f32"', 'type = "float"', "point 'power': type must be one of u16"),
        ('type = "f32"', "", "point[0].type is missing"),
        ("address = 12", "address = 65535", "point 'power': address must be from 0 to 65535"),
        ("address = 12", 'address = "12"', "point[0].address must be a whole number"),
        ('group = "live"', 'group = "energy"', "point 'power': group must be one of live"),
        ('group = "live"', 'group = "live"\ntable = "coil"', "point 'power': type must be one of bit"),
        ('group = "live"', 'group = "live"\nword_order = "cdab"', "word_order must be one of high_first, low_first"),
        ('name = "A meter"', 'name = "A meter"\nmax_words = 126', "max_words must be from 1 to 125"),
        ("[[point]]", '[[point]]\nname = "power"\naddress = 1\ntype = "u16"\ngroup = "live"\n[[point]]', "there once"),
        ("[[point]]", "[[point", "is not TOML"),
    ],
)
def test_a_mistake_is_one_sentence_that_names_file_and_key(old: str, new: str, told: str) -> None:
    with pytest.raises(TemplateError) as error:
        parse(WHOLE.replace(old, new, 1), "meter.toml")
    assert told in str(error.value)
    assert "meter.toml" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_template_of_ones_own_is_a_path_and_a_name_that_nobody_has_is_told(tmp_path: Path) -> None:
    path = tmp_path / "meter.toml"
    path.write_text(WHOLE, encoding="utf-8")
    assert load(str(path)).name == "A meter"
    with pytest.raises(TemplateError, match="eastron_sdm120"):
        load("eastron_sdm121")
