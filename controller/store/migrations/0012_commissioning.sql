-- What technicians did on the spot, as they signed it. A record that comes twice is one.

CREATE TABLE commissioning (
    digest BLOB PRIMARY KEY,  -- SHA-256 of the signature
    node TEXT NOT NULL,  -- 16 hexadecimal digits
    done_s INTEGER NOT NULL,  -- as the technician's clock had it
    received_s INTEGER NOT NULL,
    technician TEXT NOT NULL,  -- the public key that signed it
    body TEXT NOT NULL  -- JSON: record, technician, signature
) STRICT, WITHOUT ROWID;

CREATE INDEX commissioning_of_node ON commissioning (node, done_s);
