"""How small an air post's archive is: made-up minutes of 14 channels, packed, beside the same rows in zlib.

Never judges. Specification: protocols/air_archive.py, where recorded minutes are measured too.
"""

import random
import struct
import zlib
from dataclasses import dataclass
from itertools import accumulate

from protocols import air_archive
from protocols.air_archive import Period

CHANNELS = 14
DAYS = 30
START_S = 1_792_281_600
STEP = 6.0  # standard deviation of the change from minute to minute, in steps: restless for any channel
FLAGS = (0, 0, 0, 0, 0, 0, 0, 2)  # an eighth of the hours are damp


@dataclass(frozen=True, slots=True)
class Measured:
    bytes_per_value: float
    rival_bytes_per_value: float
    load: str


def measure() -> Measured:
    """A month of one post."""
    dice = random.Random(1)
    minutes = DAYS * 24 * 60
    flags = [flag for _ in range(minutes // 60) for flag in [dice.choice(FLAGS)] * 60]
    periods = [
        Period(channel, START_S + 60 * minute, 1, round(mean), flags[minute])
        for channel in range(CHANNELS)
        for minute, mean in enumerate(accumulate((dice.gauss(0, STEP) for _ in range(minutes)), initial=0))
        if minute < minutes
    ]
    packed = air_archive.pack(bytes(air_archive.NODE_SIZE), periods)
    rows = b"".join(struct.pack(">BIBhB", *one) for one in periods)
    load = f"{DAYS} days of minutes of {CHANNELS} channels, a random walk of {STEP:g} steps a minute: mean, flags, time"
    return Measured(len(packed) / len(periods), len(zlib.compress(rows, 9)) / len(periods), load)
