-- Version 12. Mail that waits for a decision, and what was decided (see approval.rs).
CREATE TABLE approval (
    id INTEGER PRIMARY KEY,
    org INTEGER NOT NULL,
    inbox INTEGER NOT NULL,
    entry INTEGER NOT NULL,                -- in Drafts, or in Sent when it has left
    status INTEGER NOT NULL,               -- 0 held, 1 approved, 2 declined, 3 expired
    envelope BLOB NOT NULL,                -- what the message needs to leave
    sha256 BLOB NOT NULL,                  -- plain octets: of the message
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    decided_at INTEGER,
    decided_by INTEGER,                    -- the key; NULL: the operator, or none
    reason TEXT,
    sum INTEGER
);
CREATE INDEX approval_org ON approval(org, id);
CREATE INDEX approval_held ON approval(org, entry) WHERE status = 0;
CREATE INDEX approval_due ON approval(expires_at) WHERE status = 0;
CREATE INDEX approval_decided ON approval(decided_at) WHERE status > 0;
