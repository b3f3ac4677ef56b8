-- Version 22. Signatures have all grams of their message, and blocks have a row for each gram: the
-- index is made again. One index of entries serves both lookups of a search.
DROP INDEX entry_body;
DROP INDEX entry_received;
DROP TABLE signature;
DROP TABLE signature_block;
DROP TABLE signature_cell;
DELETE FROM unsigned;
-- The order of search results, and the entries of a body that was received at a time.
CREATE INDEX entry_received ON entry(inbox, received_at, id, body);
CREATE TABLE signature (
    inbox INTEGER NOT NULL,
    id INTEGER NOT NULL,                   -- ascends in the order of commits
    body INTEGER NOT NULL,
    received_at INTEGER NOT NULL,          -- as the entries of the body in the inbox have it
    grams BLOB NOT NULL,                   -- plain octets: call::Signature
    sum INTEGER,
    PRIMARY KEY (inbox, id)
) WITHOUT ROWID;
-- Signatures of some messages, stored gram by gram.
CREATE TABLE signature_block (
    id INTEGER PRIMARY KEY,                -- the id of its first cell, too
    inbox INTEGER NOT NULL,
    messages INTEGER NOT NULL,             -- their number, at most 1,024
    starts BLOB NOT NULL,                  -- plain octets: the first gram of each cell, two octets
    bodies BLOB NOT NULL,                  -- plain octets: received at and body, eight octets each
    sum INTEGER
);
CREATE INDEX signature_block_inbox ON signature_block(inbox, id);
CREATE TABLE signature_cell (
    id INTEGER PRIMARY KEY,
    checksum INTEGER NOT NULL,             -- CRC-32 of `octets`
    octets BLOB NOT NULL                   -- plain octets: see signature/cell.rs
);
INSERT INTO unsigned (inbox, after, below)
SELECT id, 0, (SELECT value FROM meta WHERE name = 'id') + 1 FROM inbox
WHERE EXISTS (SELECT 1 FROM entry WHERE entry.inbox = inbox.id);
