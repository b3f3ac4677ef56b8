-- Version 40. How accounts elsewhere get access tokens (see upstream.rs). An account with a row has
-- no password. Secrets are sealed.
CREATE TABLE upstream_oauth (
    inbox         INTEGER PRIMARY KEY,
    org           INTEGER NOT NULL,
    token_url     TEXT    NOT NULL,
    client_id     TEXT    NOT NULL,
    -- NULL is a public client.
    client_secret BLOB,
    refresh_token BLOB    NOT NULL,
    sum           INTEGER
) STRICT;
