"""The live registers of an air post; firmware/nodes/air_sensor.py gives their values in this order.

Never holds a second's value: what stands here are the means of the last full minute. All are indicative.
Specification: protocols/wire/registers.py; protocols/wire/air_rows.py for the channels and flags.
"""

from protocols.wire.air_rows import CHANNELS

_HEAD = (  # name, type, unit, scale, meaning
    ("minute", "u32", "s", 1, "Unix time at which the minute of these means began"),
    ("calibration", "u32", "", 1, "version of the calibration in force; 0: none"),
    ("maintenance", "u16", "", 1, "1 while somebody works on the post"),
    ("sensors_missing", "u16", "", 1, "sensors that do not answer"),
)


def _channel(name: str, unit: str, decimals: int) -> tuple[tuple[str, str, str, float, str], ...]:
    return (
        (name, "f32", unit, 1, "mean of the minute"),
        (name + "_fixed", "i16", unit, 10**-decimals, "the same"),
        (name + "_flags", "u16", "", 1, "1 warm-up, 2 humidity, 4 range, 8 noise, 16 maintenance"),
    )


ROWS = _HEAD + tuple([row for channel in CHANNELS for row in _channel(*channel)])
