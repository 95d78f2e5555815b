"""A board program: fills the journal as an air post does whose controller is away for 32 days, and tells what fitted.

It is told how many channels its rows have, and how many bytes they take in full and in brief. It never judges.
Spec: firmware/tests/test_air_sensor.py; firmware/nodes/air_sensor.py, form_of_minute.
"""

import json
import sys

from boards.unix import hal
from firmware.journal import Journal
from firmware.nodes.air_sensor import BRIEF, FULL, LONG, MINUTE, NOT_AT_ALL, form_of_minute
from protocols.wire.messages import air_means, status
from protocols.wire.record import CLOCK_HELD

CHANNELS = int(sys.argv[1])
ROWS = {FULL: int(sys.argv[2]), BRIEF: int(sys.argv[3])}
STATUS_EACH_MINUTES = 120  # as by default
NOBODY = status.Status(*[0] * 10)


def means(minute, length, form):
    return air_means.AirMeans(minute * 60, length, 1, bytes(ROWS[form]))


journal = Journal(hal.journal_flash(), lambda: (CLOCK_HELD, 0))
journal.open()
kept = [0, 0, 0]
longs = 0
for minute in range(32 * 24 * 60):
    form = form_of_minute(journal.free_sectors, journal.sectors, CHANNELS, ROWS[FULL])
    kept[form] += 1
    if form != NOT_AT_ALL:
        journal.append(air_means, means(minute, MINUTE, form))
    elif minute % LONG == 0:
        journal.append(air_means, means(minute, LONG, BRIEF))
        longs += 1
    if minute % STATUS_EACH_MINUTES == 0:
        journal.append(status, NOBODY)
print(json.dumps({"full": kept[FULL], "brief": kept[BRIEF], "longs": longs, "oldest": journal.oldest_seq}))
