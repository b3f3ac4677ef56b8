-- Version 3. Every stored encoding now has a version octet of its own (see format.rs). Rows from
-- before stay as they are: format.rs tells them apart.

-- Jobs of any kind. open.rs moves the rows of `job_2` and drops that table.
ALTER TABLE job RENAME TO job_2;
DROP INDEX job_org;
DROP INDEX job_due;

-- Something to be done outside (see job.rs).
CREATE TABLE job (
    id INTEGER PRIMARY KEY,
    org INTEGER NOT NULL,
    inbox INTEGER,                         -- the inbox that it is for
    kind TEXT NOT NULL,                    -- 'smtp'
    subject TEXT NOT NULL,                 -- what it is about: smtp, the domain of the recipient
    entry INTEGER,                         -- smtp: the copy in Sent
    body INTEGER,                          -- octets that it needs; counted in body.refs
    payload BLOB NOT NULL,                 -- what is to be done; an encoding for each kind
    state INTEGER NOT NULL,                -- 0 queued, 1 leased
    attempts INTEGER NOT NULL DEFAULT 0,   -- claims so far
    due_at INTEGER NOT NULL,               -- not before this time
    lease_until INTEGER,                   -- state 1: until when
    lease_by INTEGER,                      -- state 1: the process that works on it
    created_at INTEGER NOT NULL
);
CREATE INDEX job_org ON job(org, kind, id);
-- The next due job of a kind is the first row of `job_due`. `job_lease` has a row for each lease
-- only.
CREATE INDEX job_due ON job(kind, due_at) WHERE state = 0;
CREATE INDEX job_lease ON job(lease_until) WHERE state = 1;
