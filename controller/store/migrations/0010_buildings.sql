-- Buildings, the points in them where something is metered, which meter stood there from when on, and the readings that
-- people entered. Of meters and readings a correction is another row of the same point and time: the last one is in
-- force, and all of them stay.

CREATE TABLE building (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    address TEXT NOT NULL,
    area_m2 REAL
) STRICT;

CREATE TABLE meter_point (
    id INTEGER PRIMARY KEY,
    building INTEGER NOT NULL REFERENCES building (id),
    name TEXT NOT NULL,
    medium TEXT NOT NULL,
    unit TEXT NOT NULL,  -- of what is consumed there
    UNIQUE (building, name)
) STRICT;

-- One meter's time at a point; it ends where the next one of the point begins.
CREATE TABLE meter_epoch (
    id INTEGER PRIMARY KEY,
    point INTEGER NOT NULL REFERENCES meter_point (id),
    from_ms INTEGER NOT NULL,
    serial TEXT NOT NULL,
    unit TEXT NOT NULL,  -- of its display
    ratio REAL NOT NULL,  -- what is consumed while its display goes up by one unit: of its transformers
    weight REAL,  -- what one of the source's values is on the display, a pulse say; NULL: their units tell
    digits INTEGER,  -- of its display before the point: behind them it begins at 0 again; NULL: never
    first REAL,  -- what it stood at in the beginning; NULL: nobody looked
    final_before REAL,  -- what the meter before it stood at in the end
    place TEXT NOT NULL,  -- where its readings come from by themselves, as services/history.py calls it; '': from nowhere
    value TEXT NOT NULL,
    entered_s INTEGER NOT NULL,
    entered_by TEXT NOT NULL
) STRICT;

CREATE INDEX meter_epoch_point ON meter_epoch (point, from_ms, id);

CREATE TABLE entered_reading (
    id INTEGER PRIMARY KEY,
    point INTEGER NOT NULL REFERENCES meter_point (id),
    at_ms INTEGER NOT NULL,
    value REAL,  -- on the display of the meter that stood there; NULL: what was entered before is withdrawn
    note TEXT NOT NULL,
    quality TEXT NOT NULL CHECK (quality IN ('manual', 'pushed')),
    entered_s INTEGER NOT NULL,
    entered_by TEXT NOT NULL
) STRICT;

CREATE INDEX entered_reading_point ON entered_reading (point, at_ms, id);

-- Devices that speak to the push API; what they say lies in sample, each of its numbers of one channel and millisecond
-- once. Devices on our own buses have no such numbers.
CREATE TABLE pushed_device (
    name TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    speaks_s INTEGER NOT NULL,  -- it is missed when it was silent for three times as long
    added_s INTEGER NOT NULL,
    added_by TEXT NOT NULL
) STRICT;

CREATE TABLE pushed_channel (
    device TEXT NOT NULL REFERENCES pushed_device (name),
    name TEXT NOT NULL,
    unit TEXT NOT NULL,
    PRIMARY KEY (device, name)
) WITHOUT ROWID, STRICT;

ALTER TABLE sample ADD COLUMN sequence INTEGER;

CREATE UNIQUE INDEX sample_pushed ON sample (series, time_ms, sequence) WHERE sequence IS NOT NULL;
