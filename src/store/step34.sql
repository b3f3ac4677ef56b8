-- Version 34. Webhooks and their deliveries (see webhook.rs).
CREATE TABLE webhook (
    id            INTEGER PRIMARY KEY,
    org           INTEGER NOT NULL,
    url           TEXT    NOT NULL,
    -- Which events, and what is shown of them, as format/webhook.rs writes it.
    spec          BLOB    NOT NULL,
    metadata      TEXT,
    enabled       INTEGER NOT NULL,
    -- Why it is not enabled: 0 gone, 1 failing; NULL is its owner's wish.
    reason        INTEGER,
    -- Sealed with the key of the server.
    secret        BLOB    NOT NULL,
    -- The secret before the last rotation, and until when it signs too.
    old_secret    BLOB,
    old_until     INTEGER,
    -- Every event of the log up to this number has been looked at.
    seq           INTEGER NOT NULL,
    -- The first failure since the last success.
    failing_since INTEGER,
    created_at    INTEGER NOT NULL,
    sum           INTEGER
) STRICT;
CREATE INDEX webhook_org ON webhook (org, id);

CREATE TABLE webhook_delivery (
    webhook  INTEGER NOT NULL,
    -- The event.
    seq      INTEGER NOT NULL,
    org      INTEGER NOT NULL,
    -- The name of its public type.
    kind     TEXT    NOT NULL,
    -- 0 pending, 1 delivered, 2 failed.
    status   INTEGER NOT NULL,
    -- Attempts since it was begun, or begun again.
    tries    INTEGER NOT NULL,
    -- When a pending one is tried next.
    due_at   INTEGER,
    -- As format/webhook.rs writes it.
    attempts BLOB    NOT NULL,
    sum      INTEGER,
    PRIMARY KEY (webhook, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX webhook_undelivered ON webhook_delivery (webhook, status, seq) WHERE status <> 1;
