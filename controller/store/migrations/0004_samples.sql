-- What was read of other people's devices. Append-only: nothing is unique about a sample but its own number, so that two
-- of one point in the same millisecond are both kept.

CREATE TABLE series (
    id INTEGER PRIMARY KEY,
    device TEXT NOT NULL,
    point TEXT NOT NULL,
    UNIQUE (device, point)
) STRICT;

CREATE TABLE sample (
    id INTEGER PRIMARY KEY,
    series INTEGER NOT NULL REFERENCES series (id),
    time_ms INTEGER NOT NULL,
    value REAL,  -- NULL unless the quality is good
    quality INTEGER NOT NULL  -- controller/devices/template.py: 0 good, 1 invalid, 2 refused, 3 silent
) STRICT;

CREATE INDEX sample_series_time ON sample (series, time_ms);
