"""The meters in a node's settings: which bus, which meter is asked how often, what a pulse is worth.

Never asks a meter. Specification: firmware/nodes/README.md, "A meter node"; firmware/settings.py for the checks.
"""

from collections import namedtuple

from firmware.settings import one_of, table, whole
from protocols.wire.meter_units import UNITS

DAY_MIN = 1_440
MAX_METERS = 32
PULSE_INPUTS = 2
WORDS = {"u16": 1, "i16": 1, "u32": 2, "i32": 2, "f32": 2}  # a template's types, and their registers

Bus = namedtuple("Bus", ("protocol", "baud"))
Meter = namedtuple("Meter", ("number", "address", "every_min", "values", "function", "registers"))
Pulse = namedtuple("Pulse", ("number", "unit", "exponent", "weight", "start", "every_min"))
Register = namedtuple("Register", ("address", "type", "unit", "exponent"))


def a_list(check, most):
    """A check: a list of at most so many entries that pass `check`."""

    def checked(values):
        if type(values) is not list or len(values) > most:
            raise ValueError(f"a list of at most {most}")
        return [check(value) for value in values]

    return checked


def address(value):
    """A check: a primary address, or the eight digits of a secondary one; 62056-21 takes any text."""
    if type(value) is str or (type(value) is int and 0 <= value <= 250):
        return value
    raise ValueError("0 to 250, or the digits on the meter")


def register(value):
    """A check: one row of a Modbus template, [address, type, unit, power of ten]."""
    if type(value) is not list or len(value) != 4:
        raise ValueError("[address, type, unit, power of ten]")
    found = Register(*value)
    whole(0, 65_535)(found.address)
    one_of(*WORDS)(found.type)
    one_of(*UNITS)(found.unit)
    whole(-12, 12)(found.exponent)
    return found


_BUS = (
    ("protocol", one_of("mbus", "iec62056", "modbus"), "mbus"),
    ("baud", one_of(300, 600, 1200, 2400, 4800, 9600, 19_200), 2400),
)
_METER = (
    ("number", whole(1, 255), None),
    ("address", address, None),
    ("every_min", whole(1, DAY_MIN), 60),
    ("values", whole(1, 44), 8),
    ("function", whole(3, 4), 4),
    ("registers", a_list(register, 44), []),
)
_PULSE = (
    ("number", whole(1, 255), None),
    ("unit", one_of(*UNITS), "pulse"),
    ("exponent", whole(-12, 12), 0),
    ("weight", whole(1, 1_000_000), 1),
    ("start", whole(0, 2**53), 0),
    ("every_min", whole(1, DAY_MIN), 15),
)


def _of(tuple_class, rows):
    def checked(value):
        return tuple_class(*[table(tuple_class.__name__, value, rows)[name] for name, _, _ in rows])

    return checked


def _numbered(check, taken):
    """A check: what passes `check`, each with a number that nobody has taken yet."""

    def checked(values):
        found = check(values)
        for one in found:
            if one.number in taken:
                raise ValueError(f"meters with different numbers: {one.number} is there twice")
            taken.add(one.number)
        return found

    return checked


class _Config:
    """The table: name, check, default. Meters and pulse inputs of one file share their numbers, so it begins anew."""

    def __iter__(self):
        taken = set()
        yield "bus", _of(Bus, _BUS), {}
        yield "meters", _numbered(a_list(_of(Meter, _METER), MAX_METERS), taken), []
        yield "pulses", _numbered(a_list(_of(Pulse, _PULSE), PULSE_INPUTS), taken), []
        yield "status_s", whole(1, 86_400), 3_600


CONFIG = _Config()
