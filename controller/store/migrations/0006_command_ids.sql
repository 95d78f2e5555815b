-- Up to where ids may have been given to commands: nodes take only ids that grow, also when a clock was set back.

CREATE TABLE command_id (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    reserved INTEGER NOT NULL
) STRICT;
