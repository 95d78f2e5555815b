"""A search of a Modbus line for who is there: how fast it is, which units answer, what they are, which template fits.

Only ever reads, and asks one unit at a time. A template is suggested, never trusted: people look at the values.
Specification: Modbus Application Protocol V1.1b3, 6.1 and 6.21 (0x2B/0x0E); README.md here, "Bus scan".
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite

from controller.config import BusConfig, ConfigError
from controller.devices.plan import reads
from controller.devices.template import FOLDER, GOOD, Template, TemplateError, load
from controller.transports.modbus import LinkLost, ModbusLink, NoAnswer
from controller.transports.modbus_bus import GATEWAY_EXCEPTIONS, Link
from protocols.wire.modbus_pdu import EXCEPTION

Line = BusConfig  # how a line is set, as a [[bus]] says it
ANYTHING = bytes((0x03, 0, 0, 0, 1))  # whoever is there answers, be it with an exception
IDENTIFY = bytes((0x2B, 0x0E, 0x01, 0x00))  # basic identification, from its first object on
OBJECTS = ("vendor", "product", "revision")
VUZOL = "Vuzol"
# Serial settings, the usual ones first; on one line all speak alike.
BAUDS = (9600, 19200, 115200, 38400, 57600, 4800, 2400)
PARITIES = ("none", "even", "odd")
# What a unit's values can be in this world; a number of another device's registers is mostly none of these.
CREDIBLE = {
    "V": (0, 1_000),
    "A": (-10_000, 10_000),
    "W": (-1e7, 1e7),
    "VA": (-1e7, 1e7),
    "var": (-1e7, 1e7),
    "Hz": (0, 70),
    "°C": (-60, 150),
    "%": (0, 100),
    "kWh": (0, 1e8),
}
SMALLEST = 1e-6  # a float below it was no float


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A template whose points a unit has, all with credible values. `values` of them: name -> (value, unit)."""

    template: str
    name: str
    values: dict[str, tuple[float, str]]


@dataclass(frozen=True, slots=True)
class FoundUnit:
    """A unit that answers. `kind`: node (of ours) or device; `told`: what it says of itself."""

    unit: int
    kind: str
    told: dict[str, str]
    suggestions: tuple[Suggestion, ...]


class CannotScan(Exception):
    """One sentence that says what to do."""


Tell = Callable[[int, Line, list[FoundUnit]], None]  # units asked so far, how, who was found there


def bus_config(transport: str, address: str, baud: int, parity: str, timeout_s: float) -> Line:
    """A line as the configuration says it. Raises CannotScan."""
    if transport not in ("rtu", "rtu_tcp", "tcp"):
        raise CannotScan(f"{transport!r} cannot be searched: use rtu, rtu_tcp or tcp")
    if parity not in PARITIES:
        raise CannotScan(f"{parity!r} is no parity: use {', '.join(PARITIES)}")
    try:
        return Line("scan", transport, address, baud=baud, parity=parity, timeout_s=timeout_s)
    except ConfigError as error:
        raise CannotScan(str(error)) from None


def serial_settings(bauds: Sequence[int], parities: Sequence[str]) -> list[tuple[int, str]]:
    """Combinations in the order in which they are tried: the usual parities at each speed, the odd one last."""
    usual = [(baud, parity) for baud in bauds for parity in parities if parity != "odd"]
    return usual + [(baud, "odd") for baud in bauds if "odd" in parities]


async def search(
    configs: Sequence[Line],
    units: Sequence[int],
    templates: Sequence[str],
    tell: Tell,
    link_of: Callable[[Line], Link] = ModbusLink,
) -> tuple[Line, list[FoundUnit]]:
    """Try one configuration after the other until somebody answers; there all units are asked. Raises CannotScan.

    `templates` are files beside those of ours.
    """
    try:
        known = [(name, load(name)) for name in (*sorted(file.stem for file in FOLDER.glob("*.toml")), *templates)]
        for number, config in enumerate(configs):
            link = link_of(config)
            await link.open()
            found: list[FoundUnit] = []
            try:
                for place, unit in enumerate(units, 1):
                    if await _answers(link, unit, config.timeout_s):
                        found.append(await _look_at(link, unit, config.timeout_s, known))
                    tell(number * len(units) + place, config, found)
            finally:
                link.close()
            if found:
                break
    except TemplateError as error:
        raise CannotScan(str(error)) from None
    except LinkLost as error:
        raise CannotScan(f"{error}: see its name and that nobody else uses it") from None
    return config, found


async def _ask(link: Link, unit: int, pdu: bytes, timeout_s: float) -> bytes | None:
    """The answer; None for silence, an exception, or what cannot be believed. Raises LinkLost."""
    try:
        answer = await link.request(unit, pdu, timeout_s + link.line_s(pdu))
    except NoAnswer:
        return None
    return None if answer[0] & EXCEPTION else answer


async def _answers(link: Link, unit: int, timeout_s: float) -> bool:
    try:
        answer = await link.request(unit, ANYTHING, timeout_s + link.line_s(ANYTHING))
    except NoAnswer:
        return False
    except LinkLost:  # a gateway that hangs up where nobody answers
        await link.open()
        return False
    return not (answer[0] & EXCEPTION and answer[1] in GATEWAY_EXCEPTIONS)


async def _look_at(link: Link, unit: int, timeout_s: float, known: list[tuple[str, Template]]) -> FoundUnit:
    answer = await _ask(link, unit, IDENTIFY, timeout_s)
    told = identification(answer) if answer else {}
    if told.get("vendor") == VUZOL:
        return FoundUnit(unit, "node", told, ())
    found = []
    for name, template in known:
        values = await _values(link, unit, template, timeout_s)
        if values is not None:
            found.append(Suggestion(name, template.name, values))
    found.sort(key=lambda one: -sum(value != 0 for value, _ in one.values.values()))
    return FoundUnit(unit, "device", told, tuple(found))


async def _values(link: Link, unit: int, template: Template, timeout_s: float) -> dict[str, tuple[float, str]] | None:
    """What the template makes of the unit's registers; None where it does not fit."""
    values: dict[str, tuple[float, str]] = {}
    for group in template.groups:
        for read in reads(template, group):
            answer = await _ask(link, unit, read.pdu, timeout_s)
            if answer is None:
                return None
            for point, value, quality in read.values(answer):
                if quality == GOOD and value is not None:
                    if not credible(value, point.unit):
                        return None
                    values[point.name] = (value, point.unit)
    measures = any(point.type != "bit" for point in template.points)
    return values if not measures or any(value for value, _ in values.values()) else None


def credible(value: float, unit: str) -> bool:
    """Whether a device can have meant it."""
    low, high = CREDIBLE.get(unit, (-1e9, 1e9))
    return isfinite(value) and low <= value <= high and (value == 0 or abs(value) >= SMALLEST)


def identification(answer: bytes) -> dict[str, str]:
    """The objects of an answer to IDENTIFY; one that is cut short ends them."""
    told = {}
    at = 7  # function, MEI type, code, conformity, more follows, next object, their number
    while at + 2 <= len(answer):
        number, size = answer[at], answer[at + 1]
        text = answer[at + 2 : at + 2 + size]
        if number < len(OBJECTS) and len(text) == size:
            told[OBJECTS[number]] = text.decode("utf-8", "replace").strip("\0 ")
        at += 2 + size
    return told
