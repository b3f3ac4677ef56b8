-- Version 18. What importers have brought into an inbox (see imported.rs).
CREATE TABLE imported (
    inbox INTEGER NOT NULL,
    id BLOB NOT NULL,                      -- 16 octets of a hash of the importer's id
    org INTEGER NOT NULL,
    sum INTEGER,
    PRIMARY KEY (inbox, id)
) WITHOUT ROWID;
