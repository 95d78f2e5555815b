-- Rollouts: a release on its way over the fleet. The release itself is the `firmware` document of this version.

CREATE TABLE rollout (
    version INTEGER PRIMARY KEY,  -- the release's counter
    plan TEXT NOT NULL,  -- JSON, controller/services/rollout_plan.py
    kinds TEXT NOT NULL,  -- that the release is for, joined by commas
    wave INTEGER NOT NULL,  -- from 0 on
    state TEXT NOT NULL,  -- running, paused, stopped
    reason TEXT NOT NULL,  -- why it is not running
    started_s INTEGER NOT NULL,
    started_by TEXT NOT NULL
) STRICT;

-- A node without a row waits.
CREATE TABLE rollout_node (
    version INTEGER NOT NULL,
    node INTEGER NOT NULL,
    state TEXT NOT NULL,  -- controller/services/rollout.py
    reason TEXT NOT NULL,
    at_s INTEGER NOT NULL,
    PRIMARY KEY (version, node)
) STRICT, WITHOUT ROWID;
