-- Version 29. Senders that a rule has answered, until when they get no other answer (see
-- answered.rs).
CREATE TABLE answered (
    inbox      INTEGER NOT NULL,
    address    TEXT    NOT NULL,
    org        INTEGER NOT NULL REFERENCES org (id),
    expires_at INTEGER NOT NULL,
    sum        INTEGER,
    PRIMARY KEY (inbox, address)
) STRICT, WITHOUT ROWID;
CREATE INDEX answered_expiry ON answered (expires_at);
