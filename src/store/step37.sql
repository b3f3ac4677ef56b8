-- Version 37. How long an answer is kept for the repetition of its request (see idempotency.rs). A
-- row of an older file has its day.
ALTER TABLE once ADD COLUMN kept_ms INTEGER NOT NULL DEFAULT 86400000;
-- A row whose checksum is wrong keeps it, so that it stays wrong.
UPDATE once SET sum = NULL WHERE sum = row_sum(org, key, fingerprint, answer, at);
CREATE INDEX once_ends ON once(at + kept_ms);
