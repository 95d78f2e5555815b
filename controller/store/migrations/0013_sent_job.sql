-- Jobs that wait for their technicians, sealed to them as the office sent them: nobody here can read a key in them.

CREATE TABLE sent_job (
    job TEXT PRIMARY KEY,  -- its number, 8 hexadecimal digits
    office TEXT NOT NULL,  -- the public key that signed it
    technician TEXT NOT NULL,  -- the public key that its secrets are sealed to
    nodes TEXT NOT NULL,  -- JSON: node (16 hexadecimal digits) -> name
    sent_s INTEGER NOT NULL,
    sent_by TEXT NOT NULL,
    body TEXT NOT NULL  -- the file
) STRICT, WITHOUT ROWID;

CREATE INDEX sent_job_of_technician ON sent_job (technician);
