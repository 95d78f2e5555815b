-- The ledger: every record exactly once, what is known to be stored, what nodes declared lost.
-- A node is its 8-byte id read as one signed number: printf('%016x', node) is its name.

CREATE TABLE node_state (
    node INTEGER PRIMARY KEY,
    boot_id INTEGER NOT NULL,
    last_seen_s INTEGER NOT NULL,
    stored INTEGER NOT NULL,  -- rows in record; kept beside stored_range, so that the ledger can contradict itself
    refused_duplicates INTEGER NOT NULL DEFAULT 0,
    conflicting INTEGER NOT NULL DEFAULT 0
) STRICT;

-- raw is the record in wire form, as the node journalled it.
CREATE TABLE record (
    node INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    stored_s INTEGER NOT NULL,
    raw BLOB NOT NULL,
    PRIMARY KEY (node, seq)
) WITHOUT ROWID, STRICT;

-- The same numbers as in record, as ranges, so that a start does not read every record.
CREATE TABLE stored_range (
    node INTEGER NOT NULL,
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    PRIMARY KEY (node, first_seq)
) WITHOUT ROWID, STRICT;

-- seq is the record that declared first_seq..last_seq lost.
CREATE TABLE declared_gap (
    node INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    reason INTEGER NOT NULL,
    PRIMARY KEY (node, seq)
) WITHOUT ROWID, STRICT;

CREATE TABLE tally (
    name TEXT PRIMARY KEY,
    events INTEGER NOT NULL
) WITHOUT ROWID, STRICT;
