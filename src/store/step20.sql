-- Version 20. What an inbox has apart from the others: its end, how long it keeps mail, and bounds
-- that are stricter than those of every inbox (see inbox.rs); and messages that end at a time (see
-- expiring.rs). open.rs makes the checksums anew that cover the columns.
ALTER TABLE inbox ADD COLUMN expires_at INTEGER;
ALTER TABLE inbox ADD COLUMN retention_days INTEGER;
ALTER TABLE inbox ADD COLUMN quota_bytes INTEGER;
ALTER TABLE inbox ADD COLUMN sends_per_day INTEGER;
ALTER TABLE inbox ADD COLUMN new_recipients_per_day INTEGER;
ALTER TABLE inbox ADD COLUMN receives_per_minute INTEGER;
ALTER TABLE inbox ADD COLUMN imap_sessions INTEGER;
ALTER TABLE org ADD COLUMN retention_days INTEGER;
-- A row whose checksum is wrong keeps it, so that it stays wrong.
UPDATE inbox SET sum = NULL WHERE sum = row_sum(id, org, address, domain, display_name, parent,
    ancestors, client_id, metadata, created_at, send_mode, receive_default);
UPDATE org SET sum = NULL WHERE sum = row_sum(id, name, created_at, oldest, send_mode, paused_at);
CREATE INDEX inbox_expires ON inbox(expires_at) WHERE expires_at IS NOT NULL;
-- Inboxes that keep mail for a time, and organizations whose inboxes all do.
CREATE INDEX inbox_retains ON inbox(id) WHERE retention_days IS NOT NULL;
CREATE INDEX org_retains ON org(id) WHERE retention_days IS NOT NULL;
CREATE TABLE expiring (
    entry INTEGER PRIMARY KEY,
    org INTEGER NOT NULL,
    inbox INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    sum INTEGER
);
CREATE INDEX expiring_due ON expiring(expires_at);
