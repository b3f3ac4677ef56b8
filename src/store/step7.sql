-- Version 7. The keywords in use in a mailbox, in lower case, and how many entries have each (see
-- keyword.rs). open.rs counts them.
CREATE TABLE keyword (
    mailbox INTEGER NOT NULL,
    word TEXT NOT NULL,
    uses INTEGER NOT NULL,
    PRIMARY KEY (mailbox, word)
) WITHOUT ROWID;
