-- Version 6. Rows have checksums (see sum.rs): CRC-32 of their columns, NULL until one is made.
-- open.rs makes those of short tables, and reclaim.rs the others later.
ALTER TABLE meta ADD COLUMN sum INTEGER;
ALTER TABLE org ADD COLUMN sum INTEGER;
ALTER TABLE org ADD COLUMN counts_sum INTEGER;        -- of what changes with every message
ALTER TABLE domain ADD COLUMN sum INTEGER;
ALTER TABLE key ADD COLUMN sum INTEGER;
ALTER TABLE key_inbox ADD COLUMN sum INTEGER;
ALTER TABLE address ADD COLUMN sum INTEGER;
ALTER TABLE inbox ADD COLUMN sum INTEGER;
ALTER TABLE inbox ADD COLUMN counts_sum INTEGER;
ALTER TABLE mailbox ADD COLUMN sum INTEGER;
ALTER TABLE mailbox ADD COLUMN counts_sum INTEGER;
ALTER TABLE subscription ADD COLUMN sum INTEGER;
ALTER TABLE entry ADD COLUMN sum INTEGER;
ALTER TABLE entry ADD COLUMN state_sum INTEGER;       -- of mailbox, UID, MODSEQ, flags, keywords
ALTER TABLE body ADD COLUMN sum INTEGER;
ALTER TABLE reference ADD COLUMN sum INTEGER;
ALTER TABLE expunged ADD COLUMN sum INTEGER;
ALTER TABLE event ADD COLUMN sum INTEGER;
ALTER TABLE job ADD COLUMN sum INTEGER;
ALTER TABLE once ADD COLUMN sum INTEGER;
ALTER TABLE doomed ADD COLUMN sum INTEGER;
ALTER TABLE recount ADD COLUMN sum INTEGER;
-- How many tables have the checksums that are made later.
INSERT INTO meta (name, value) VALUES ('summed', 0);
