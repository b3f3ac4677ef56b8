-- Version 36. How far the mailboxes of accounts elsewhere have been fetched (see
-- upstream_sync.rs).
CREATE TABLE upstream_folder (
    id          INTEGER PRIMARY KEY,
    inbox       INTEGER NOT NULL,
    org         INTEGER NOT NULL,
    -- The octets that the server uses.
    name        BLOB    NOT NULL,
    -- 0 before the mailbox was opened for the first time.
    uidvalidity INTEGER NOT NULL,
    -- All up to this UID is here or was passed over; NULL before that is known.
    last_uid    INTEGER,
    -- When it was opened for the first time, unix milliseconds.
    begun_at    INTEGER NOT NULL,
    -- It has been renumbered: what is up to this UID may be here already; 0 is none.
    compare_to  INTEGER NOT NULL,
    sum         INTEGER
) STRICT;
CREATE UNIQUE INDEX upstream_folder_name ON upstream_folder (inbox, name);
CREATE TABLE upstream_message (
    id          INTEGER PRIMARY KEY,
    folder      INTEGER NOT NULL,
    inbox       INTEGER NOT NULL,
    org         INTEGER NOT NULL,
    uidvalidity INTEGER NOT NULL,
    uid         INTEGER NOT NULL,
    -- A hash of Message-ID and size: it finds the message when the mailbox is renumbered.
    ident       INTEGER NOT NULL,
    sum         INTEGER
) STRICT;
CREATE UNIQUE INDEX upstream_message_uid ON upstream_message (folder, uidvalidity, uid);
CREATE INDEX upstream_message_ident ON upstream_message (folder, ident);
CREATE INDEX upstream_message_inbox ON upstream_message (inbox);
