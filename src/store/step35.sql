-- Version 35. Consumer groups of events (see event_group.rs).
CREATE TABLE event_group (
    id    INTEGER PRIMARY KEY,
    org   INTEGER NOT NULL,
    name  TEXT    NOT NULL,
    -- SHA-256 of what its readers agree on.
    terms BLOB    NOT NULL,
    -- SHA-256 of the inboxes that its readers are bound to; NULL for keys that are not bound.
    bound BLOB,
    -- Every event up to this number was leased once or is not for the group.
    seq   INTEGER NOT NULL,
    sum   INTEGER,
    UNIQUE (org, name)
) STRICT;

-- Events of groups up to their cursor that are not acknowledged.
CREATE TABLE event_pending (
    grp        INTEGER NOT NULL,
    seq        INTEGER NOT NULL,
    -- NULL for an event of no inbox.
    inbox      INTEGER,
    -- The name of its public type.
    kind       TEXT    NOT NULL,
    -- How often it was leased.
    deliveries INTEGER NOT NULL,
    sum        INTEGER,
    PRIMARY KEY (grp, seq)
) STRICT, WITHOUT ROWID;
