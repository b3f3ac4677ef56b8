-- Version 8. Policy of sending: the mode of an inbox and of an organization, and whether the
-- organization is paused (see outgoing.rs). open.rs makes the checksums anew that cover them.
ALTER TABLE inbox ADD COLUMN send_mode INTEGER NOT NULL DEFAULT 0; -- 0 direct, 1 hold, 2 draft, 3 off
ALTER TABLE org ADD COLUMN send_mode INTEGER NOT NULL DEFAULT 0;   -- the least strict of its inboxes
ALTER TABLE org ADD COLUMN paused_at INTEGER;                      -- NULL: its mail leaves
-- A row whose checksum is wrong keeps it, so that it stays wrong.
UPDATE inbox SET sum = NULL WHERE sum = row_sum(id, org, address, domain, display_name, parent,
    ancestors, client_id, metadata, created_at);
UPDATE org SET sum = NULL WHERE sum = row_sum(id, name, created_at, oldest);
