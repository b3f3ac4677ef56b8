-- Version 11. Recipients on other servers have a table of their own, and keep their state and their
-- history (see outbound.rs). open.rs moves the jobs of the kind `smtp` into it.

-- One recipient of a sent message.
CREATE TABLE outbound (
    id INTEGER PRIMARY KEY,
    org INTEGER NOT NULL,
    inbox INTEGER NOT NULL,                -- the sender
    entry INTEGER,                         -- the copy in Sent
    body INTEGER,                          -- NULL when finished; counted in body.refs
    domain TEXT NOT NULL,                  -- of the recipient, ASCII, lower case
    recipient TEXT NOT NULL,
    envelope BLOB NOT NULL,                -- MAIL FROM and the DSN parameters
    metadata TEXT,                         -- JSON of the sender
    content INTEGER NOT NULL,              -- bits: 1 body has 8-bit octets, 2 header has, 4 unknown
    size INTEGER NOT NULL,                 -- octets of the message as it leaves; 0 is unknown
    status INTEGER NOT NULL,               -- as OutboundStatus
    attempts INTEGER NOT NULL DEFAULT 0,   -- begun so far
    due_at INTEGER NOT NULL,               -- status 4: until when the attempt may take
    lease_by INTEGER,                      -- status 4: the process that works on it
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    sweep_at INTEGER NOT NULL,             -- when it expires; of a finished one, when it goes
    history BLOB,                          -- the attempts that have ended
    cost INTEGER NOT NULL,                 -- octets that the row and what it keeps cost on disk
    sum INTEGER
);
CREATE INDEX outbound_org ON outbound(org, id);
CREATE INDEX outbound_due ON outbound(org, domain, due_at) WHERE status BETWEEN 1 AND 3;
CREATE INDEX outbound_sending ON outbound(due_at) WHERE status = 4;
CREATE INDEX outbound_sweep ON outbound(sweep_at);

-- What an organization has waiting for one domain, and when the service looks at it next. The
-- greatest number is "it is looked at now".
CREATE TABLE outbound_backlog (
    org INTEGER NOT NULL,
    domain TEXT NOT NULL,
    due_at INTEGER NOT NULL,
    sum INTEGER,
    PRIMARY KEY (org, domain)
) WITHOUT ROWID;
CREATE INDEX outbound_backlog_due ON outbound_backlog(due_at);
