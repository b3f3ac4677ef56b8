-- Version 15. Mail that leaves at a time which its sender has named (see scheduled.rs). What waits
-- for a decision or for its time has its recipients outside in `outbound` too (status 0 and 1), so
-- the queue does not look at those.
CREATE TABLE scheduled (
    entry INTEGER PRIMARY KEY,             -- in Drafts
    org INTEGER NOT NULL,
    inbox INTEGER NOT NULL,
    envelope BLOB NOT NULL,                -- as approval.envelope
    sha256 BLOB NOT NULL,                  -- plain octets: of the message
    approved INTEGER NOT NULL,             -- 1: a decision was made on it
    send_at INTEGER NOT NULL,              -- the time that its sender has named
    due_at INTEGER NOT NULL,               -- when it is looked at next
    cost INTEGER NOT NULL,                 -- octets that the row costs on disk
    sum INTEGER
);
CREATE INDEX scheduled_org ON scheduled(org, due_at);
CREATE INDEX scheduled_due ON scheduled(due_at);
ALTER TABLE approval ADD COLUMN send_at INTEGER;              -- when it leaves, if it is approved
ALTER TABLE approval ADD COLUMN cost INTEGER NOT NULL DEFAULT 0;
CREATE INDEX outbound_waits ON outbound(org, entry) WHERE status < 2;
DROP INDEX outbound_due;
CREATE INDEX outbound_due ON outbound(org, domain, due_at) WHERE status BETWEEN 2 AND 3;
-- A row whose checksum is wrong keeps it, so that it stays wrong.
UPDATE approval SET sum = NULL WHERE sum = row_sum(id, org, inbox, entry, status, envelope, sha256,
    created_at, expires_at, decided_at, decided_by, reason);
