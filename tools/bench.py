"""Measure Vuzol beside its rivals, in one run, on this machine: `make bench` writes bench.json.

Never asserts: a slow machine is not a defect. Every line states its load.
Specification: README.md, "Benchmarks" (names and keys are stable).
"""

import argparse
import json
import platform
import sys
import timeit
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import construct
from rich.console import Console
from rich.progress import Progress

from protocols.schema import fare_validator
from protocols.wire import record
from protocols.wire.messages import tap
from tools import (
    bench_air,
    bench_backlog,
    bench_console,
    bench_device,
    bench_field,
    bench_ingest,
    bench_logins,
    bench_modbus,
    bench_update_bus,
    bench_updates,
)

REPEATS = 7
CALLS = 20_000


@dataclass(frozen=True, slots=True)
class Line:
    """One line of bench.json. `ratio` above 1 says that we are better than the rival."""

    name: str
    value: float
    unit: str
    better: Literal["higher", "lower"]
    rival: str | None
    rival_value: float | None
    ratio: float | None
    load: str


def line(
    name: str,
    value: float,
    unit: str,
    better: Literal["higher", "lower"],
    load: str,
    rival: tuple[str, float] | None = None,
) -> Line:
    """A Line, with the ratio computed."""
    if rival is None:
        return Line(name, round(value, 3), unit, better, None, None, None, load)
    ratio = value / rival[1] if better == "higher" else rival[1] / value
    return Line(name, round(value, 3), unit, better, rival[0], round(rival[1], 3), round(ratio, 2), load)


def microseconds(call: Callable[[], object]) -> float:
    """The best of several rounds: what the code takes when nothing else disturbs it."""
    return min(timeit.repeat(call, number=CALLS, repeat=REPEATS)) / CALLS * 1e6


TAP = tap.Tap(
    boot_id=3,
    result=tap.RESULT_ACCEPTED,
    medium=tap.MEDIUM_DESFIRE,
    flags=tap.FLAGS_ID_STABLE | tap.FLAGS_POSITION_KNOWN,
    card_token=bytes.fromhex("1f2e3d4c5b6a7988"),
    product=0,
    benefit_class=2,
    riders=1,
    decision_ms=143,
    vehicle=17,
    door=1,
    trip_ref=4711,
    lat_e7=479_100_000,
    lon_e7=333_900_000,
    deny_list_version=12,
)


def construct_record() -> construct.Struct:
    """The same record as one construct object: what a reader without our codecs would write."""
    return construct.Struct(
        "kind" / construct.Int8ub,
        "version" / construct.Int8ub,
        "body_length" / construct.Int8ub,
        "clock_quality" / construct.Int8ub,
        "seq" / construct.Int64ub,
        "time_s" / construct.Int32ub,
        "time_ms" / construct.Int16ub,
        "body" / fare_validator.TAP.body,
    )


def codec_lines() -> list[Line]:
    """One tap record, header and body: bytes to fields and back."""
    data = record.build(tap.KIND, tap.VERSION, record.CLOCK_GNSS, 8, 1_792_310_400_123, tap.build(TAP))

    def parse() -> Any:
        header, _ = record.parse(data)
        return tap.parse(header.body)

    def build() -> bytes:
        return record.build(tap.KIND, tap.VERSION, record.CLOCK_GNSS, 8, 1_792_310_400_123, tap.build(TAP))

    interpreted = construct_record()
    compiled = interpreted.compile()
    fields = interpreted.parse(data)
    assert parse() == TAP, "the rivals must do the same work"
    assert build() == data == interpreted.build(fields) == compiled.build(fields)
    load = f"one tap record of {len(data)} bytes, best of {REPEATS} x {CALLS} calls"
    parse_us, build_us = microseconds(parse), microseconds(build)
    lines = []
    for name, rival in (("construct compiled", compiled), ("construct interpreted", interpreted)):
        rival_parse_us = microseconds(lambda r=rival: r.parse(data))  # type: ignore[misc]
        rival_build_us = microseconds(lambda r=rival: r.build(fields))  # type: ignore[misc]
        lines.append(line("codec.parse_us", parse_us, "µs", "lower", load, (name, rival_parse_us)))
        lines.append(line("codec.build_us", build_us, "µs", "lower", load, (name, rival_build_us)))
    return lines


def node_lines() -> list[Line]:
    """From power to the light that says: in service; without a broker."""
    from emulation import town

    times_ms = town.measure_starts(count=5)
    load = "fare_validator on the unix board, median of 5 cold starts, process start to in-service light"
    return [line("node.start_ms", sorted(times_ms)[len(times_ms) // 2], "ms", "lower", load)]


def ingest_lines() -> list[Line]:
    """Whole path: MQTT, MAC, parse, committed SQLite, receipt."""
    measured = bench_ingest.measure()
    rival = ("aiomqtt to SQLite (FULL), no protocol", measured.rival_records_per_s)
    return [
        line("ingest.records_per_s", measured.records_per_s, "1/s", "higher", measured.load, rival),
        line("ingest.records_per_core_s", measured.records_per_core_s, "1/s", "higher", measured.load),
        line("ingest.rss_mb", measured.rss_mb, "MB", "lower", measured.load),
    ]


def backlog_lines() -> list[Line]:
    """A city after an outage."""
    measured = bench_backlog.measure()
    figures = (
        ("backlog.drain_100k_s", measured.drain_s, "s"),
        ("backlog.live_receipt_p99_ms", measured.live_receipt_p99_ms, "ms"),
        ("backlog.paced_drain_100k_s", measured.paced_drain_s, "s"),
        ("backlog.paced_live_receipt_p99_ms", measured.paced_live_receipt_p99_ms, "ms"),
    )
    return [line(name, value, unit, "lower", measured.load) for name, value, unit in figures]


def modbus_lines() -> list[Line]:
    """Schedules kept beside dead devices, and backlogs over a serial line."""
    found = bench_modbus.measure(lambda sentence: print(f"bench: {sentence}", file=sys.stderr))
    return [line(one.name, one.value, one.unit, one.better, one.load, one.rival) for one in found]


def air_lines() -> list[Line]:
    """What a mean and its flags take in an air post's archive."""
    measured = bench_air.measure()
    rival = ("rows in zlib", measured.rival_bytes_per_value)
    return [line("air.bytes_per_value", measured.bytes_per_value, "byte", "lower", measured.load, rival)]


def device_lines() -> list[Line]:
    """A node on emulated silicon: what people wait for, and the memory that is left."""
    return [line(one.name, one.value, one.unit, one.better, bench_device.LOAD) for one in bench_device.measure()]


def field_lines() -> list[Line]:
    """What a technician waits for at a board."""
    found = bench_field.measure()
    rival = ("mpremote cp", found.rival_kb_per_s)
    return [
        line("flash.payload_kb_per_s", found.payload_kb_per_s, "kB/s", "higher", found.payload_load, rival),
        line("install.blank_to_green_s", found.blank_to_green_s, "s", "lower", found.install_load),
    ]


def update_lines() -> list[Line]:
    """What a change of the firmware takes to reach a city's displays, and what live traffic meets meanwhile."""
    city = bench_updates.measure()
    bus = bench_update_bus.measure()
    return [
        line("ota.105_displays_s", city.displays_s, "s", "lower", city.load),
        line("ota.live_receipt_p99_ms", city.live_receipt_p99_ms, "ms", "lower", city.load),
        line("ota.bus_payload_pct", bus.payload_pct, "%", "higher", bus.load),
    ]


def login_lines() -> list[Line]:
    """What logins cost those who ride."""
    measured = bench_logins.measure()
    rival = "the same controller without logins", measured.without_ms
    return [line("logins.receipt_p99_ms", measured.with_ms, "ms", "lower", measured.load, rival)]


def console_lines() -> list[Line]:
    """An open page in a city that never stands still: what it costs the server, how soon it shows a change."""
    try:
        measured = bench_console.measure()
    except bench_console.NoBrowser as missing:
        print(f"bench: {missing}", file=sys.stderr)
        return []
    load = f"{bench_console.LOAD}; with it the whole controller took {measured.whole_core:.2f} cores"
    return [
        line("console.cpu_core", measured.cpu_core, "cores", "lower", load),
        line("console.update_p95_ms", measured.update_p95_ms, "ms", "lower", load),
    ]


PARTS: dict[str, Callable[[], list[Line]]] = {
    "codec": codec_lines,
    "node": node_lines,
    "ingest": ingest_lines,
    "backlog": backlog_lines,
    "modbus": modbus_lines,
    "air": air_lines,
    "device": device_lines,
    "field": field_lines,
    "updates": update_lines,
    "console": console_lines,
    "logins": login_lines,
}


def main(arguments: list[str]) -> int:
    """Run the benchmarks and write the file; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench", description=__doc__)
    parser.add_argument("--only", choices=PARTS, help="run one part")
    parser.add_argument("--json", type=Path, default=Path("bench.json"), help="file to write (bench.json)")
    options = parser.parse_args(arguments)
    console = Console(stderr=True)
    chosen = [options.only] if options.only else list(PARTS)
    lines: list[Line] = []
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("", total=len(chosen))
        for name in chosen:
            progress.update(task, description=name)
            lines += PARTS[name]()
            progress.advance(task)
    options.json.write_text(json.dumps([asdict(one) for one in lines], indent=1, ensure_ascii=False) + "\n", "utf-8")
    print(f"{platform.machine()}, Python {platform.python_version()}; written to {options.json}")
    for one in lines:
        rival = f"   {one.rival} {one.rival_value} ({one.ratio}x)" if one.rival else ""
        print(f"{one.name:24} {one.value} {one.unit}{rival}   [{one.load}]")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
