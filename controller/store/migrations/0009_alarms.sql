-- Alarms and what was done about each. body is the alarm as JSON; the columns beside it are what it is looked up by.

CREATE TABLE alarm (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    node TEXT NOT NULL,
    opened_s REAL NOT NULL,
    end TEXT NOT NULL,  -- '': it is open
    body TEXT NOT NULL
) STRICT;
CREATE INDEX alarm_open ON alarm (id) WHERE end = '';
CREATE INDEX alarm_of ON alarm (kind, subject, id);

CREATE TABLE alarm_note (
    alarm INTEGER NOT NULL,
    at_s REAL NOT NULL,
    what TEXT NOT NULL,
    who TEXT NOT NULL,
    text TEXT NOT NULL
) STRICT;
CREATE INDEX alarm_note_of ON alarm_note (alarm);
