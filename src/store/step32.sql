-- Version 32. The list of known spam of the server (see known_spam.rs).
CREATE TABLE known_spam_source (
    id          INTEGER PRIMARY KEY,
    name        TEXT    NOT NULL UNIQUE,
    -- Its rows in known_spam, by kind.
    bodies      INTEGER NOT NULL,
    links       INTEGER NOT NULL,
    attachments INTEGER NOT NULL,
    -- The stamp of its last import.
    at          INTEGER NOT NULL,
    sum         INTEGER
) STRICT;

CREATE TABLE known_spam (
    -- 0 is a body, 1 a link, 2 an attachment.
    kind   INTEGER NOT NULL,
    hash   BLOB    NOT NULL,
    source INTEGER NOT NULL,
    -- The stamp of the last import that named it.
    at     INTEGER NOT NULL,
    sum    INTEGER,
    PRIMARY KEY (kind, hash, source)
) STRICT, WITHOUT ROWID;
