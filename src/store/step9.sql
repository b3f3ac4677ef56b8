-- Filter rules of an organization and of its inboxes, and addresses that get no more mail.

CREATE TABLE filter_rule (
    id         INTEGER PRIMARY KEY,
    org        INTEGER NOT NULL REFERENCES org (id),
    -- 0 is every inbox of the organization.
    inbox      INTEGER NOT NULL,
    -- call/filter_rule.rs has the numbers.
    direction  INTEGER NOT NULL,
    action     INTEGER NOT NULL,
    match_type INTEGER NOT NULL,
    value      TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    sum        INTEGER
) STRICT;
CREATE UNIQUE INDEX filter_rule_value ON filter_rule (org, value, match_type, direction, inbox);
CREATE INDEX filter_rule_inbox ON filter_rule (inbox) WHERE inbox <> 0;

CREATE TABLE suppression (
    id         INTEGER PRIMARY KEY,
    org        INTEGER NOT NULL REFERENCES org (id),
    address    TEXT    NOT NULL,
    -- call/filter_rule.rs has the numbers.
    reason     INTEGER NOT NULL,
    source     TEXT,
    created_at INTEGER NOT NULL,
    sum        INTEGER
) STRICT;
CREATE UNIQUE INDEX suppression_address ON suppression (org, address);
