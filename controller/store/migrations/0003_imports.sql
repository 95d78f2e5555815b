-- Journals that people read out of dead nodes and imported: their records have no MAC, so where they came from is kept.
-- And records whose number was stored already with other bytes: the first stays in record, the other one is kept here.

CREATE TABLE import (
    id INTEGER PRIMARY KEY,
    node INTEGER NOT NULL,
    imported_s INTEGER NOT NULL,
    source TEXT NOT NULL,  -- port or file that the journal was read from
    sha256 TEXT NOT NULL  -- of the drain file
) STRICT;

-- The records that an import stored; all others of record came from their node, with its MAC.
CREATE TABLE imported_record (
    node INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    import INTEGER NOT NULL REFERENCES import (id),
    PRIMARY KEY (node, seq)
) WITHOUT ROWID, STRICT;

CREATE TABLE conflict (
    node INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    seen_s INTEGER NOT NULL,
    raw BLOB NOT NULL,
    PRIMARY KEY (node, seq)
) WITHOUT ROWID, STRICT;
