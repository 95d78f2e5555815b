"""A line that nobody knows: its speed, who answers, which template fits, and what to paste, as people type it.

Never touches real hardware: the line is a pseudo-terminal or a gateway with Modbus units on it.
Specification: controller/admin/bus_scan.py; tools/README.md, `vuzol bus scan`.
"""

import asyncio
import json
import os
import struct
import sys
import termios
import tomllib
from pathlib import Path
from typing import Any

import pytest

from controller.admin.bus_scan import bus_config, credible, identification, search, serial_settings
from controller.devices.template import FOLDER, load
from controller.tests.modbus_line import SerialLine, Unit, gateway
from controller.tests.modbus_node import ModbusNode
from controller.tests.peer import make_entry

ILLEGAL_FUNCTION, ILLEGAL_ADDRESS = 1, 2
ACME = bytes.fromhex("2b0e01010000") + b"\x02\x00\x04Acme\x01\x03P-1"


def registers(words: dict[int, int], function: int = 4, size: int = 400, told: bytes = b"") -> Unit:
    """A device that has so many registers in one table, and nothing else."""

    def answer(pdu: bytes) -> bytes:
        if pdu[0] == 0x2B and told:
            return told
        if pdu[0] != function:
            return bytes((pdu[0] | 0x80, ILLEGAL_FUNCTION))
        first, count = struct.unpack(">HH", pdu[1:5])
        if first + count > size:
            return bytes((function | 0x80, ILLEGAL_ADDRESS))
        found = [words.get(first + number, 0) for number in range(count)]
        return struct.pack(f">BB{count}H", function, 2 * count, *found)

    return answer


def floats(values: dict[int, float]) -> dict[int, int]:
    """High word first."""
    words = {}
    for address, value in values.items():
        words[address], words[address + 1] = struct.unpack(">HH", struct.pack(">f", value))
    return words


SDM120 = registers(floats({0: 229.8, 6: 5.1, 12: 1170.0, 18: 1175.0, 30: 0.99, 70: 50.0, 72: 1234.5}))
PHASES = dict(
    zip(range(0, 42, 2), [230.0, 231.0, 229.0, *[5.5] * 3, *[1200.0] * 6, *[80.0] * 3, *[0.9] * 3], strict=False)
)
SDM630 = registers(floats(PHASES | {70: 50.0, 72: 99.0}))
WEATHER = registers({1: 215, 2: 433}, size=8, told=ACME)
IN_A_CHAIN = registers({0: 0xFFFF, 1: 0xFFFF, 2: 0xFFFF}, function=3)


async def vuzol(*arguments: str) -> tuple[int, Any]:
    """(status, JSON) of `vuzol bus scan … --json`."""
    command = [sys.executable, "-m", "tools.cli", "bus", "scan", *arguments, "--json"]
    child = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, stdin=asyncio.subprocess.DEVNULL
    )
    out, errors = await asyncio.wait_for(child.communicate(), 120)
    assert b"Traceback" not in errors, errors.decode()
    return child.returncode or 0, json.loads(out)


def only_at(line: SerialLine, speed: int, unit: Unit) -> Unit:
    """A unit that hears nothing at other speeds than its own."""

    def answer(pdu: bytes) -> bytes | None:
        other_side = os.open(line.path, os.O_RDWR | os.O_NOCTTY)
        try:
            return unit(pdu) if termios.tcgetattr(other_side)[4] == speed else None
        finally:
            os.close(other_side)

    return answer


async def test_a_line_of_unknown_speed_is_searched_and_the_section_to_paste_starts_a_controller() -> None:
    node = ModbusNode(make_entry(0xA1), lambda: 0)
    units = {1: SDM120, 2: WEATHER, 3: node.answer, 4: IN_A_CHAIN}
    async with SerialLine({}) as line:
        line.units.update({unit: only_at(line, termios.B19200, one) for unit, one in units.items()})
        status, told = await vuzol(line.path, "--units", "1-5", "--timeout", "0.15", "--parity", "none")
    assert (status, told["transport"], told["baud"], told["parity"]) == (0, "rtu", 19200, "none")
    meter, weather, ours, unknown = told["units"]
    assert [one["unit"] for one in told["units"]] == [1, 2, 3, 4]
    assert (meter["suggestions"][0]["template"], weather["suggestions"][0]["template"]) == ("eastron_sdm120", "xy_md02")
    assert meter["suggestions"][0]["values"]["power"] == [1170.0, "W"]
    assert weather["told"] == {"vendor": "Acme", "product": "P-1"}
    assert (ours["kind"], ours["told"]["vendor"], unknown["suggestions"]) == ("node", "Vuzol", [])
    (bus,) = tomllib.loads(told["bus"])["bus"]
    assert (bus["baud"], bus["nodes"], [one["template"] for one in bus["device"]]) == (
        19200, [3], ["eastron_sdm120", "xy_md02"],
    )  # fmt: skip
    assert "# { unit = 4" in told["bus"]


async def test_a_gateway_is_searched_and_silent_units_cost_their_time_alone(tmp_path: Path) -> None:
    own = tmp_path / "chain.toml"
    own.write_text(
        'name = "A chain"\nsource = "this test"\n[group.all]\ninterval_s = 1\n'
        '[[point]]\nname = "links"\naddress = 0\ntype = "u16"\ngroup = "all"\n',
        encoding="utf-8",
    )
    async with gateway({2: SDM630, 7: IN_A_CHAIN}, patience_s=0.05) as port:
        where = f"127.0.0.1:{port}"
        status, told = await vuzol(where, "--units", "1,2,7", "--timeout", "0.3", "--template", str(own))
        assert status == 0
        assert [(one["unit"], one["suggestions"][0]["template"]) for one in told["units"]] == [
            (2, "eastron_sdm630"), (7, str(own)),
        ]  # fmt: skip
        assert tomllib.loads(told["bus"])["bus"][0]["address"] == where
        assert (await vuzol(where, "--units", "3", "--timeout", "0.2"))[0] == 1
        _, plan = await vuzol(where, "--dry-run")
        assert (plan["requests"], plan["settings"]) == (247, ["tcp"])


async def test_how_far_it_is_is_told_and_the_first_speed_with_an_answer_ends_the_search() -> None:
    steps: list[tuple[int, int]] = []
    async with SerialLine({2: WEATHER}) as line:
        configs = [bus_config("rtu", line.path, baud, "none", 0.1) for baud in (9600, 19200)]
        config, found = await search(configs, [1, 2], [], lambda done, one, _: steps.append((done, one.baud)))
    assert (config.baud, [one.unit for one in found], steps) == (9600, [2], [(1, 9600), (2, 9600)])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["/dev/no-such-port"], "cannot be opened"),
        (["127.0.0.1:1", "--units", "0-3"], "from 1 to 247"),
        (["/dev/null", "--parity", "mark"], "is no parity"),
        ([], "say what to search"),
        (["00000000000000a1", "--url", "http://127.0.0.1:1"], "no controller answers"),
    ],
)
async def test_what_cannot_be_searched_is_told_in_one_sentence(arguments: list[str], says: str) -> None:
    status, told = await vuzol(*arguments)
    assert status == 2
    assert says in told["error"]


def test_the_usual_settings_come_first() -> None:
    settings = serial_settings((9600, 19200), ("none", "even", "odd"))
    assert settings[:3] == [(9600, "none"), (9600, "even"), (19200, "none")]
    assert settings[-2:] == [(9600, "odd"), (19200, "odd")]


def test_values_of_another_device_are_not_credible() -> None:
    assert all(credible(value, unit) for value, unit in ((229.8, "V"), (-12.5, "°C"), (0, "kWh"), (3, "")))
    assert not any(
        credible(value, unit) for value, unit in ((1e-39, "V"), (1725.0, "V"), (float("nan"), ""), (1e30, "W"))
    )
    units = {point.unit for file in FOLDER.glob("*.toml") for point in load(file.stem).points}
    assert units <= {"V", "A", "W", "VA", "var", "Hz", "°C", "%", "kWh", "kvarh", ""}


@pytest.mark.parametrize("cut", range(7, len(ACME) + 1))
def test_an_identification_that_is_cut_short_tells_what_is_whole(cut: int) -> None:
    told = identification(ACME[:cut])
    assert told.items() <= {"vendor": "Acme", "product": "P-1"}.items()
    assert (len(told) == 2) is (cut == len(ACME))
