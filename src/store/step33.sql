-- Version 33. Accounts of inboxes that live elsewhere (see upstream.rs). Secrets are sealed
-- (crypto/sealed.rs).
CREATE TABLE upstream (
    inbox         INTEGER PRIMARY KEY,
    org           INTEGER NOT NULL,
    host          TEXT    NOT NULL,
    port          INTEGER NOT NULL,
    -- 0 is implicit, 1 is STARTTLS.
    tls           INTEGER NOT NULL,
    user          TEXT    NOT NULL,
    password      BLOB    NOT NULL,
    smtp_host     TEXT,
    smtp_port     INTEGER,
    smtp_tls      INTEGER,
    smtp_user     TEXT,
    smtp_password BLOB,
    -- Grows with each change by its owner.
    version       INTEGER NOT NULL,
    -- Its owner has to change something before the next login.
    is_stopped    INTEGER NOT NULL,
    state         INTEGER NOT NULL,
    error         TEXT,
    since         INTEGER NOT NULL,
    sum           INTEGER
) STRICT;
CREATE INDEX upstream_org ON upstream (org);
