-- Version 26. Rules of delivery, of an inbox or of an organization (see rule.rs). What they have
-- done is counted apart: a hit does not write the rule again.
CREATE TABLE rule (
    id            INTEGER PRIMARY KEY,
    org           INTEGER NOT NULL REFERENCES org (id),
    -- 0 is every inbox of the organization.
    inbox         INTEGER NOT NULL,
    priority      INTEGER NOT NULL,
    enabled       INTEGER NOT NULL,
    stop          INTEGER NOT NULL,
    name          TEXT    NOT NULL,
    -- Conditions and actions: format/rule.rs.
    spec          BLOB    NOT NULL,
    -- Octets of its compiled patterns.
    pattern_bytes INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    sum           INTEGER
) STRICT;
CREATE INDEX rule_order ON rule (org, inbox, priority, id);
CREATE INDEX rule_inbox ON rule (inbox) WHERE inbox <> 0;

CREATE TABLE rule_hit (
    rule     INTEGER PRIMARY KEY,
    org      INTEGER NOT NULL,
    hits     INTEGER NOT NULL,
    last_at  INTEGER NOT NULL,
    error    TEXT,
    error_at INTEGER,
    sum      INTEGER
) STRICT;
