-- Version 2. What deletions leave behind, until the writer has taken it away (see reap.rs).

-- What was deleted and may have rows left: kind 1 a mailbox (entries, expunged UIDs), 2 an
-- inbox (conversations), 3 an organization (queue, log, kept answers).
CREATE TABLE doomed (
    kind INTEGER NOT NULL,
    id INTEGER NOT NULL,
    PRIMARY KEY (kind, id)
) WITHOUT ROWID;

-- Changes of body.refs that a large command has left for later.
CREATE TABLE recount (
    body INTEGER PRIMARY KEY,
    delta INTEGER NOT NULL
);

-- The organization that is the operator's: the first that was ever made.
INSERT INTO meta (name, value)
    SELECT 'operator', MIN(id) FROM org HAVING MIN(id) IS NOT NULL;

-- The keys that an inbox is bound to go with it.
CREATE INDEX key_inbox_inbox ON key_inbox(inbox);
