"""The live registers of a meter node; firmware/nodes/utility_meter.py gives their values in this order.

Never holds history: a value is the last one read, with its age. Specification: protocols/wire/registers.py.
"""

SLOTS = 8  # meters with live values: the bus's in the order of the settings, then the pulse inputs

_SLOT = (
    ("number", "u16", "", 1, "of the meter in the settings; not known: no such meter"),
    ("quality", "u16", "", 1, "outcome of the last reading in the low byte, its flags in the high: record reading"),
    ("age", "u32", "s", 1, "since the last reading that gave values"),
    ("unit", "u16", "", 1, "place in UNITS of wire/meter_units.py"),
    ("value", "f32", "unit", 1, "first value of the last reading; a float32 has 7 digits"),
    ("exponent", "i16", "", 1, "value = raw x ten to this power, exactly"),
    ("raw", "i32", "", 1, ""),
)

ROWS = (
    (  # name, type, unit, scale, meaning
        ("meters", "u16", "", 1, "meters in the settings, pulse inputs included"),
        ("readings", "u32", "", 1, "with values, since this start"),
        ("failures", "u32", "", 1, "readings without values, since this start"),
        ("cover", "u16", "", 1, "0 closed, 1 open"),
        ("pulses_1", "u32", "pulse", 1, "counted by the first pulse input"),
        ("pulses_2", "u32", "pulse", 1, "counted by the second"),
    )
    + tuple([(f"m{slot}_{row[0]}",) + row[1:] for slot in range(1, SLOTS + 1) for row in _SLOT])
)
