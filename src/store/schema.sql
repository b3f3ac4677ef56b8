-- Version 1. Every row names its organization, and so does every query. The store gives the ids
-- (see ids.rs). Times are unix milliseconds. Counters are columns that change in the savepoint
-- of the call; no value is ever MAX()+1. A BLOB is an encoding of format.rs if it is not said to
-- be plain octets.

-- Single values: the epoch of the log, the mark above every id, the last UIDVALIDITY, the key of
-- hashes.
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;

CREATE TABLE org (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    seq INTEGER NOT NULL DEFAULT 0,        -- the number of the last row of its log
    oldest INTEGER NOT NULL DEFAULT 1,     -- the number of the first row that is kept
    at INTEGER NOT NULL DEFAULT 0,         -- the time of the last row
    sent_day INTEGER NOT NULL DEFAULT 0,   -- the unix day that `sent` counts
    sent INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE domain (
    id INTEGER PRIMARY KEY,
    org INTEGER NOT NULL REFERENCES org(id),
    name TEXT NOT NULL UNIQUE,             -- punycode, lower case
    created_at INTEGER NOT NULL
);

CREATE TABLE key (
    id INTEGER PRIMARY KEY,
    org INTEGER NOT NULL REFERENCES org(id),
    public TEXT NOT NULL UNIQUE,           -- the public id in the text of the key
    hash BLOB NOT NULL,                    -- plain octets: SHA-256 of the secret
    label TEXT,
    scopes INTEGER NOT NULL,
    bound INTEGER NOT NULL DEFAULT 0,      -- 1: only the inboxes in key_inbox
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER
);
CREATE INDEX key_org ON key(org, id);
CREATE TABLE key_inbox (
    key INTEGER NOT NULL REFERENCES key(id),
    inbox INTEGER NOT NULL,
    PRIMARY KEY (key, inbox)
) WITHOUT ROWID;

-- Every address that was ever given. The row of a deleted inbox stays with inbox NULL, so that
-- the address is never given to another organization.
CREATE TABLE address (
    canonical TEXT PRIMARY KEY,
    org INTEGER NOT NULL,
    inbox INTEGER
) WITHOUT ROWID;

CREATE TABLE inbox (
    id INTEGER PRIMARY KEY,
    org INTEGER NOT NULL REFERENCES org(id),
    address TEXT NOT NULL,                 -- as it is shown; the table `address` has its canonical form
    domain INTEGER REFERENCES domain(id),  -- NULL: the shared domain
    display_name TEXT,
    parent INTEGER REFERENCES inbox(id),
    ancestors BLOB NOT NULL,               -- the ids of the inboxes above it
    client_id TEXT,
    metadata TEXT,
    created_at INTEGER NOT NULL,
    bytes INTEGER NOT NULL DEFAULT 0,      -- the sum of entry.size
    messages INTEGER NOT NULL DEFAULT 0,   -- the number of entries
    sent_day INTEGER NOT NULL DEFAULT 0,
    sent INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX inbox_org ON inbox(org, id);
CREATE UNIQUE INDEX inbox_client ON inbox(org, client_id) WHERE client_id IS NOT NULL;
CREATE INDEX inbox_parent ON inbox(parent) WHERE parent IS NOT NULL;

CREATE TABLE mailbox (
    id INTEGER PRIMARY KEY,
    org INTEGER NOT NULL,
    inbox INTEGER NOT NULL REFERENCES inbox(id),
    name TEXT NOT NULL,                    -- UTF-8, '/' between levels; INBOX in capitals
    special INTEGER,                       -- 1 Sent, 2 Drafts, 3 Trash, 4 Junk
    uidvalidity INTEGER NOT NULL,
    uidnext INTEGER NOT NULL DEFAULT 1,
    recent_above INTEGER NOT NULL DEFAULT 0, -- UIDs above it are \Recent to the next session
    highest_modseq INTEGER NOT NULL,
    expunged_floor INTEGER NOT NULL,       -- expunged UIDs are known from this MODSEQ on
    messages INTEGER NOT NULL DEFAULT 0,
    unseen INTEGER NOT NULL DEFAULT 0,
    deleted INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0,
    UNIQUE (inbox, name)
);

CREATE TABLE subscription (
    inbox INTEGER NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (inbox, name)
) WITHOUT ROWID;

-- One message in one mailbox. The rows are ordered by mailbox and UID, so a page of FETCH is one
-- range. This table and `job` have no foreign keys: without an index on the column SQLite would
-- scan the table for each body that is freed. `verify` checks the references.
CREATE TABLE entry (
    mailbox INTEGER NOT NULL,
    uid INTEGER NOT NULL,
    id INTEGER NOT NULL,
    org INTEGER NOT NULL,
    inbox INTEGER NOT NULL,
    body INTEGER NOT NULL,
    thread INTEGER NOT NULL,
    modseq INTEGER NOT NULL,
    flags INTEGER NOT NULL,
    keywords TEXT,                         -- atoms with a space between them, NULL for none
    arrival INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    size INTEGER NOT NULL,                 -- octets of prefix and body
    prefix BLOB,                           -- plain octets before the body
    PRIMARY KEY (mailbox, uid)
) WITHOUT ROWID;
-- A list of a whole inbox is in the order of ids, newest first.
CREATE UNIQUE INDEX entry_id ON entry(inbox, id);

-- The octets of a message and what was parsed at delivery. `refs` counts the entries and jobs
-- that name it.
CREATE TABLE body (
    id INTEGER PRIMARY KEY,                -- the id of its first chunk, too
    org INTEGER NOT NULL,
    refs INTEGER NOT NULL,
    size INTEGER NOT NULL,
    header_len INTEGER NOT NULL,
    message_id TEXT NOT NULL,
    digest BLOB NOT NULL,
    summary BLOB NOT NULL
);
-- Bodies without a reference, to be freed (see reclaim.rs).
CREATE INDEX body_free ON body(id) WHERE refs = 0;

-- Octets of bodies, 256 KiB a row. Chunk n of a body has the id body + n.
CREATE TABLE chunk (
    id INTEGER PRIMARY KEY,
    checksum INTEGER NOT NULL,             -- CRC-32 of `octets`
    octets BLOB NOT NULL                   -- plain octets
);

-- Message-IDs that an inbox knows, by a keyed 64-bit hash, with their conversation.
CREATE TABLE reference (
    inbox INTEGER NOT NULL,
    hash INTEGER NOT NULL,
    thread INTEGER NOT NULL,
    PRIMARY KEY (inbox, hash)
) WITHOUT ROWID;

-- UIDs that were expunged, for resynchronisation as with QRESYNC. They outlive the log.
CREATE TABLE expunged (
    mailbox INTEGER NOT NULL,
    modseq INTEGER NOT NULL,
    low INTEGER NOT NULL,
    high INTEGER NOT NULL,
    PRIMARY KEY (mailbox, modseq, low)
) WITHOUT ROWID;

-- The change log.
CREATE TABLE event (
    org INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    at INTEGER NOT NULL,
    inbox INTEGER,
    mailbox INTEGER,
    path BLOB,                             -- the inbox in its tree; NULL where inbox is
    uids BLOB,                             -- the UIDs concerned
    detail BLOB NOT NULL,                  -- what happened
    PRIMARY KEY (org, seq)
) WITHOUT ROWID;

-- Something to be done outside. Version 3 has another table (see step3.sql).
CREATE TABLE job (
    id INTEGER PRIMARY KEY,
    org INTEGER NOT NULL,
    inbox INTEGER NOT NULL,
    kind INTEGER NOT NULL,                 -- 1: deliver over SMTP
    entry INTEGER,                         -- the copy in Sent
    body INTEGER NOT NULL,
    reverse_path TEXT,
    recipient TEXT NOT NULL,
    dsn BLOB NOT NULL,                     -- NOTIFY, ORCPT, RET, ENVID
    state INTEGER NOT NULL,                -- 0 queued
    attempts INTEGER NOT NULL DEFAULT 0,
    due_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL
);
CREATE INDEX job_org ON job(org, id);
CREATE INDEX job_due ON job(due_at) WHERE state = 0;

-- Answers that are kept for Idempotency-Key.
CREATE TABLE once (
    org INTEGER NOT NULL,
    key TEXT NOT NULL,
    fingerprint BLOB NOT NULL,             -- plain octets: SHA-256 of the request
    answer BLOB NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (org, key)
) WITHOUT ROWID;
CREATE INDEX once_at ON once(at);
