-- Runs of trips, by the number that goes over the wire, and the feeds that were imported.

CREATE TABLE trip_run (
    ref INTEGER PRIMARY KEY AUTOINCREMENT,
    service_date TEXT NOT NULL,
    trip_id TEXT NOT NULL,
    UNIQUE (service_date, trip_id)
) STRICT;

CREATE TABLE feed (
    sha256 TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    imported_ms INTEGER NOT NULL
) STRICT;
