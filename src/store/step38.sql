-- Version 38. The state of messages of accounts elsewhere (see upstream_state.rs).
CREATE TABLE upstream_state (
    -- The row of upstream_message.
    message    INTEGER PRIMARY KEY,
    folder     INTEGER NOT NULL,
    inbox      INTEGER NOT NULL,
    org        INTEGER NOT NULL,
    -- The message here.
    entry      INTEGER NOT NULL,
    -- As the server has told them, or has taken them from here.
    flags      INTEGER NOT NULL,
    keywords   TEXT,
    -- It is not in its mailbox any more.
    is_gone    INTEGER NOT NULL,
    sum        INTEGER
) STRICT;
CREATE UNIQUE INDEX upstream_state_entry ON upstream_state (entry);
CREATE INDEX upstream_state_folder ON upstream_state (folder, message);
CREATE INDEX upstream_state_inbox ON upstream_state (inbox);
CREATE INDEX upstream_state_gone ON upstream_state (inbox) WHERE is_gone = 1;
-- What a server said of a mailbox when the state of all its messages was compared last.
CREATE TABLE upstream_compared (
    folder      INTEGER PRIMARY KEY,
    inbox       INTEGER NOT NULL,
    org         INTEGER NOT NULL,
    uidvalidity INTEGER NOT NULL,
    modseq      INTEGER NOT NULL,
    uidnext     INTEGER,
    messages    INTEGER NOT NULL,
    sum         INTEGER
) STRICT;
CREATE INDEX upstream_compared_inbox ON upstream_compared (inbox);
