-- Version 3. Every stored encoding has a version octet of its own from here on (see format.rs).
-- Rows that are there already stay as they are: format.rs tells them apart.

-- Jobs of any kind. The rows of `job_2` are taken over by format.rs and the table is dropped.
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
-- The next due job of a kind is the first row of the first index. Both are small where few
-- jobs are queued or leased.
CREATE INDEX job_due ON job(kind, due_at) WHERE state = 0;
CREATE INDEX job_lease ON job(lease_until) WHERE state = 1;
