-- Version 31. What organizations teach the filter (see lesson.rs).
CREATE TABLE lesson (
    body    INTEGER PRIMARY KEY,
    org     INTEGER NOT NULL,
    -- What its owner has said last: 1 is spam, 0 is wanted.
    is_spam INTEGER NOT NULL,
    -- What the model has learned of it; NULL is nothing yet.
    taught  INTEGER,
    at      INTEGER NOT NULL,
    sum     INTEGER
) STRICT;
CREATE INDEX lesson_due ON lesson (org, at, body) WHERE taught IS NOT is_spam;

CREATE TABLE learned (
    org     INTEGER PRIMARY KEY,
    version INTEGER NOT NULL,
    -- As judge/model/stored.rs writes it.
    model   BLOB    NOT NULL,
    sum     INTEGER
) STRICT;

-- Earlier lessons, which the model goes over again. Only who learns reads them.
CREATE TABLE earlier_lesson (
    org     INTEGER NOT NULL,
    is_spam INTEGER NOT NULL,
    place   INTEGER NOT NULL,
    -- As judge/model/earlier.rs writes it.
    octets  BLOB    NOT NULL,
    sum     INTEGER,
    PRIMARY KEY (org, is_spam, place)
) STRICT, WITHOUT ROWID;
