-- Version 30. Signatures have grams of facts, and letters have grams of their own: the index of
-- searches is made again.
DELETE FROM signature;
DELETE FROM signature_block;
DELETE FROM signature_cell;
DELETE FROM unsigned;
INSERT INTO unsigned (inbox, after, below)
SELECT id, 0, (SELECT value FROM meta WHERE name = 'id') + 1 FROM inbox
WHERE EXISTS (SELECT 1 FROM entry WHERE entry.inbox = inbox.id);
-- The messages that are flagged or have keywords, by the time of receipt (see column.rs): few of
-- all, so that a search for them does not walk through the others.
CREATE INDEX entry_marked ON entry(inbox, received_at, id)
WHERE flags & 4 OR keywords IS NOT NULL;
