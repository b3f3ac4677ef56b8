-- Version 39. Changes that the servers of accounts elsewhere have not been told yet (see
-- upstream_change.rs).
CREATE TABLE upstream_change (
    -- The row of upstream_state: what is to be told is what differs from it.
    message INTEGER PRIMARY KEY,
    inbox   INTEGER NOT NULL,
    org     INTEGER NOT NULL,
    -- How often a server has refused it, and when it is told next, unix milliseconds.
    tries   INTEGER NOT NULL,
    due_at  INTEGER NOT NULL,
    sum     INTEGER
) STRICT;
CREATE INDEX upstream_change_due ON upstream_change (inbox, due_at);
