-- Version 27. The judgement of the filter on a message, beside its entry (see format/report.rs).
-- The checksum of it is new, so the rows of an older file are looked through once more for missing
-- ones.
ALTER TABLE entry ADD COLUMN report BLOB;
ALTER TABLE entry ADD COLUMN report_sum INTEGER;
-- A checksum that is wrong stays, so that it stays wrong.
UPDATE meta SET value = 0, sum = CASE WHEN sum = row_sum(name, value) THEN NULL ELSE sum END
WHERE name = 'summed';
-- What an inbox was sent by each sender before (see sender_past.rs).
CREATE TABLE sender_past (
    inbox INTEGER NOT NULL,
    sender INTEGER NOT NULL,               -- a keyed hash of the address or of the domain
    clean INTEGER NOT NULL,
    spam INTEGER NOT NULL,
    at INTEGER NOT NULL,
    sum INTEGER,
    PRIMARY KEY (inbox, sender)
) WITHOUT ROWID;
-- The inbox that has a display name, to find out who takes the name of another.
CREATE INDEX inbox_display_name ON inbox(org, display_name COLLATE NOCASE)
    WHERE display_name IS NOT NULL;
-- The proven domains of an organization.
CREATE INDEX domain_org ON domain(org) WHERE verified_at IS NOT NULL;
