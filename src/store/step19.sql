-- Version 19. The index of searches (see signature/mod.rs): a signature of each message of an
-- inbox. The last statement notes the inboxes whose messages have none yet.
CREATE TABLE signature (
    inbox INTEGER NOT NULL,
    id INTEGER NOT NULL,                   -- ascends in the order of commits
    body INTEGER NOT NULL,
    bits BLOB NOT NULL,                    -- plain octets: call::Signature
    sum INTEGER,
    PRIMARY KEY (inbox, id)
) WITHOUT ROWID;
-- Signatures of one length, stored bit by bit.
CREATE TABLE signature_block (
    id INTEGER PRIMARY KEY,                -- the id of its first cell, too
    inbox INTEGER NOT NULL,
    bits INTEGER NOT NULL,                 -- of each signature
    signatures INTEGER NOT NULL,           -- their number, a multiple of 64
    bodies BLOB NOT NULL,                  -- plain octets: eight for each, little endian
    sum INTEGER
);
CREATE INDEX signature_block_inbox ON signature_block(inbox, id);
CREATE TABLE signature_cell (
    id INTEGER PRIMARY KEY,
    checksum INTEGER NOT NULL,             -- CRC-32 of `octets`
    octets BLOB NOT NULL                   -- plain octets: as many rows of bits as fit
);
-- Inboxes with messages that have no signature: those of bodies below `below`, in entries above
-- `after`. A search reads all messages of such an inbox.
CREATE TABLE unsigned (
    inbox INTEGER PRIMARY KEY,
    after INTEGER NOT NULL,
    below INTEGER NOT NULL,
    sum INTEGER
);
-- The entries of a body, and the order of search results.
CREATE INDEX entry_body ON entry(body);
CREATE INDEX entry_received ON entry(inbox, received_at, id);
INSERT INTO unsigned (inbox, after, below)
SELECT id, 0, (SELECT value FROM meta WHERE name = 'id') + 1 FROM inbox
WHERE EXISTS (SELECT 1 FROM entry WHERE entry.inbox = inbox.id);
