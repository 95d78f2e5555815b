-- What nodes are to keep whole, by type. scope: '' for the whole fleet, the name of a node kind, or a node's name.
-- A type's versions grow over all scopes, and a node takes the highest whose scope it is in.

CREATE TABLE document (
    type INTEGER NOT NULL,  -- id of protocols/wire/document.py
    scope TEXT NOT NULL,
    version INTEGER NOT NULL,
    sha256 BLOB NOT NULL,
    signature BLOB NOT NULL,  -- the publisher's, Ed25519; empty when there is none
    added_s INTEGER NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (type, scope),
    UNIQUE (type, version)
) STRICT;

-- The rare records that answers are looked up in: boot, event, document.
CREATE INDEX record_rare ON record (node, kind, seq) WHERE kind IN (1, 3, 6);
