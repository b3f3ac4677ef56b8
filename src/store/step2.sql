-- Version 2. Deleted things whose rows the writer removes later (see reclaim.rs).

-- Deleted things that may have rows left: kind 1 a mailbox (entries, expunged UIDs), 2 an inbox
-- (conversations), 3 an organization (queue, log, kept answers).
CREATE TABLE doomed (
    kind INTEGER NOT NULL,
    id INTEGER NOT NULL,
    PRIMARY KEY (kind, id)
) WITHOUT ROWID;

-- Changes of body.refs that wait: a large command has not made them itself.
CREATE TABLE recount (
    body INTEGER PRIMARY KEY,
    delta INTEGER NOT NULL
);

-- The organization of the operator: the first that was ever made.
INSERT INTO meta (name, value)
    SELECT 'operator', MIN(id) FROM org HAVING MIN(id) IS NOT NULL;

-- To find the keys that are bound to an inbox when it is deleted.
CREATE INDEX key_inbox_inbox ON key_inbox(inbox);
