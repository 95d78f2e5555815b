-- Who did what. Rows are only added, each sealed with the one before: controller/access/audit.py says how.

CREATE TABLE audit (
    id INTEGER PRIMARY KEY,
    noted_ms INTEGER NOT NULL,
    actor TEXT NOT NULL,
    via TEXT NOT NULL,
    action TEXT NOT NULL,
    object TEXT NOT NULL,
    before TEXT NOT NULL,                  -- JSON
    after TEXT NOT NULL,                   -- JSON
    result TEXT NOT NULL,
    seal BLOB NOT NULL
) STRICT;

CREATE TRIGGER audit_stays BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit is only added to'); END;

CREATE TRIGGER audit_is_whole BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit is only added to'); END;

-- INSERT OR REPLACE would delete without asking the trigger above.
CREATE TRIGGER audit_grows BEFORE INSERT ON audit WHEN NEW.id <= (SELECT MAX(id) FROM audit)
BEGIN SELECT RAISE(ABORT, 'the audit is only added to'); END;
