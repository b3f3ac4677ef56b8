-- Version 13. How an inbox takes mail in (see known_sender.rs). open.rs makes the checksums anew
-- that cover the columns.
-- 0 allow, 1 screen, 2 reject
ALTER TABLE inbox ADD COLUMN receive_default INTEGER NOT NULL DEFAULT 0;
ALTER TABLE domain ADD COLUMN catch_all INTEGER; -- the inbox that gets mail for unknown names
-- A row whose checksum is wrong keeps it, so that it stays wrong.
UPDATE inbox SET sum = NULL WHERE sum = row_sum(id, org, address, domain, display_name, parent,
    ancestors, client_id, metadata, created_at, send_mode);
UPDATE domain SET sum = NULL WHERE sum = row_sum(id, org, name, token, verified_at, created_at);
-- Inboxes that do not take all mail: a delivery looks here, and there are few.
CREATE INDEX inbox_receives ON inbox(id) WHERE receive_default <> 0;

-- Senders that an inbox knows, by their canonical address.
CREATE TABLE known_sender (
    inbox INTEGER NOT NULL,
    address TEXT NOT NULL,
    admitted INTEGER NOT NULL,             -- 1: its owner let it in; 0: the inbox wrote to it
    at INTEGER NOT NULL,                   -- when that was last
    sum INTEGER,
    PRIMARY KEY (inbox, address)
) WITHOUT ROWID;
