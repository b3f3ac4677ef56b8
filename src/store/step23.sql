-- Version 23. The audit of each organization: who has changed what, and who has sent what (see
-- audit.rs). A kind of 0 is none.
CREATE TABLE audit (
    org INTEGER NOT NULL,
    id INTEGER NOT NULL,                   -- in the order of time
    nth INTEGER NOT NULL,                  -- in its organization, without a gap
    at INTEGER NOT NULL,
    action INTEGER NOT NULL,
    key INTEGER NOT NULL,                  -- 0 is the operator
    target_kind INTEGER NOT NULL,
    target INTEGER NOT NULL,
    request_kind INTEGER NOT NULL,
    request INTEGER NOT NULL,
    sum INTEGER,
    PRIMARY KEY (org, id)
) WITHOUT ROWID;
