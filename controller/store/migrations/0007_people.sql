-- People, how they come in, and what waits for a second person. Secrets stand here as hashes; controller/access writes.

CREATE TABLE person (
    name TEXT PRIMARY KEY,
    roles TEXT NOT NULL,                   -- words with a space between
    password TEXT NOT NULL,                -- argon2id, PHC string; empty: does not log in, has tokens only
    totp TEXT NOT NULL DEFAULT '',         -- secret, base32; empty: none
    totp_step INTEGER NOT NULL DEFAULT 0,  -- RFC 6238's T of the last code that was taken: a code works once
    locked INTEGER NOT NULL DEFAULT 0,
    added_s INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE login (
    id INTEGER PRIMARY KEY,                -- which of two in one second is the newer
    sha256 BLOB NOT NULL UNIQUE,           -- of the cookie
    person TEXT NOT NULL,
    begun_s INTEGER NOT NULL,
    seen_s INTEGER NOT NULL
) STRICT;

CREATE INDEX login_person ON login (person, seen_s);

-- Tries since the last login that succeeded, also of names that nobody has.
CREATE TABLE login_try (
    name TEXT PRIMARY KEY,
    tries INTEGER NOT NULL,
    retry_s INTEGER NOT NULL               -- the next one is looked at then
) STRICT, WITHOUT ROWID;

CREATE TABLE token (
    id INTEGER PRIMARY KEY,
    person TEXT NOT NULL,
    label TEXT NOT NULL,
    sha256 BLOB NOT NULL UNIQUE,
    scopes TEXT NOT NULL,                  -- actions, words with a space between
    added_s INTEGER NOT NULL,
    expires_s INTEGER NOT NULL
) STRICT;

-- What one proposes and another confirms.
CREATE TABLE proposal (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    action TEXT NOT NULL,
    parameters TEXT NOT NULL,              -- JSON
    data BLOB NOT NULL,                    -- a file that goes with it; emptied when it is decided
    proposer TEXT NOT NULL,
    proposed_s INTEGER NOT NULL,
    expires_s INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'confirmed', 'refused', 'failed')),
    decider TEXT NOT NULL DEFAULT '',
    decided_s INTEGER NOT NULL DEFAULT 0
) STRICT;
