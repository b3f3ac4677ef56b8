-- Version 10. The DKIM keys of domains (see dkim.rs). The domain 0 is the shared one, which has
-- no row in `domain`.
CREATE TABLE dkim (
    domain INTEGER NOT NULL,
    selector TEXT NOT NULL,
    secret BLOB NOT NULL,                  -- crypto::SigningKey::to_stored
    record TEXT NOT NULL,                  -- the text of its record
    state INTEGER NOT NULL,                -- 0 waits for its record, 1 signs, 2 retires
    created_at INTEGER NOT NULL,
    ends_at INTEGER,                       -- when a retiring key goes
    PRIMARY KEY (domain, selector)
) WITHOUT ROWID;
CREATE INDEX dkim_ends ON dkim(ends_at) WHERE ends_at IS NOT NULL;
