-- Version 4. A domain does not work until it is proven. open.rs takes this step without foreign
-- keys, because a table is replaced that `inbox` refers to, and checks all of them at its end.

-- A name may stand once for each organization that wants it, and is proven for one of them.
CREATE TABLE domain_3 AS SELECT id, org, name, created_at FROM domain;
DROP TABLE domain;
CREATE TABLE domain (
    id INTEGER PRIMARY KEY,
    org INTEGER NOT NULL REFERENCES org(id),
    name TEXT NOT NULL,                    -- punycode, lower case
    token TEXT NOT NULL,                   -- its ownership record is `postern-verify=` and this
    verified_at INTEGER,                   -- NULL: it waits for a proof, and no mail passes
    created_at INTEGER NOT NULL,
    UNIQUE (org, name)
);
CREATE UNIQUE INDEX domain_proven ON domain(name) WHERE verified_at IS NOT NULL;
CREATE INDEX domain_name ON domain(name);
-- The domains of the operator's organization are trusted; those of all others wait.
INSERT INTO domain (id, org, name, token, verified_at, created_at)
    SELECT id, org, name, lower(hex(randomblob(16))),
           CASE WHEN org = (SELECT value FROM meta WHERE name = 'operator') THEN created_at END,
           created_at
    FROM domain_3;
DROP TABLE domain_3;

-- Every address that an organization was ever given. The row of a deleted inbox stays with inbox
-- NULL: an address of the shared domain is never given to another organization. An address of a
-- domain that has moved has a row for each organization.
ALTER TABLE address RENAME TO address_3;
CREATE TABLE address (
    canonical TEXT NOT NULL,
    org INTEGER NOT NULL,
    inbox INTEGER,
    PRIMARY KEY (canonical, org)
) WITHOUT ROWID;
INSERT INTO address (canonical, org, inbox) SELECT canonical, org, inbox FROM address_3;
DROP TABLE address_3;

-- 1: the key also covers the inboxes under those in key_inbox.
ALTER TABLE key ADD COLUMN subtree INTEGER NOT NULL DEFAULT 0;
