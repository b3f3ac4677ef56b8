-- Version 5. What a client's rows cost on disk counts in the quota of their inbox and of their
-- organization (see quota.rs), and conversations end with their mail. open.rs takes this step
-- without foreign keys, because a table is replaced, and counts the new columns at its end.

-- Octets that rows cost on disk besides the mail in them.
ALTER TABLE inbox ADD COLUMN cost INTEGER NOT NULL DEFAULT 0;
-- The sum of inbox.bytes, and what all rows of the organization cost.
ALTER TABLE org ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE org ADD COLUMN cost INTEGER NOT NULL DEFAULT 0;
-- How many there are: messages, inboxes, keys that are not revoked, recipients that wait outside,
-- kept answers. `kept_bytes` are the octets of the last.
ALTER TABLE org ADD COLUMN messages INTEGER NOT NULL DEFAULT 0;
ALTER TABLE org ADD COLUMN inboxes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE org ADD COLUMN keys INTEGER NOT NULL DEFAULT 0;
ALTER TABLE org ADD COLUMN jobs INTEGER NOT NULL DEFAULT 0;
ALTER TABLE org ADD COLUMN kept INTEGER NOT NULL DEFAULT 0;
ALTER TABLE org ADD COLUMN kept_bytes INTEGER NOT NULL DEFAULT 0;

-- Octets on disk that an entry costs beyond the fixed cost of its kind: a long digest.
ALTER TABLE entry ADD COLUMN extra INTEGER NOT NULL DEFAULT 0;
-- Octets that the row and what it keeps cost on disk.
ALTER TABLE job ADD COLUMN cost INTEGER NOT NULL DEFAULT 0;

-- A mailbox has no foreign key any more: an inbox is deleted in one step, and its mailboxes are
-- removed later (see reclaim.rs). `verify` checks the reference.
ALTER TABLE mailbox RENAME TO mailbox_4;
CREATE TABLE mailbox (
    id INTEGER PRIMARY KEY,
    org INTEGER NOT NULL,
    inbox INTEGER NOT NULL,
    name TEXT NOT NULL,                    -- UTF-8, '/' between levels; INBOX in capitals
    special INTEGER,                       -- 1 Sent, 2 Drafts, 3 Trash, 4 Junk
    uidvalidity INTEGER NOT NULL,
    uidnext INTEGER NOT NULL DEFAULT 1,
    recent_above INTEGER NOT NULL DEFAULT 0, -- UIDs above it are \Recent to the next session
    highest_modseq INTEGER NOT NULL,
    expunged_floor INTEGER NOT NULL,       -- expunged UIDs are known from this MODSEQ on
    messages INTEGER NOT NULL DEFAULT 0,
    unseen INTEGER NOT NULL DEFAULT 0,
    deleted INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0,
    cost INTEGER NOT NULL DEFAULT 0,       -- what its entries cost on disk besides `bytes`
    UNIQUE (inbox, name)
);
INSERT INTO mailbox (id, org, inbox, name, special, uidvalidity, uidnext, recent_above,
                     highest_modseq, expunged_floor, messages, unseen, deleted, bytes)
    SELECT id, org, inbox, name, special, uidvalidity, uidnext, recent_above, highest_modseq,
           expunged_floor, messages, unseen, deleted, bytes
    FROM mailbox_4;
DROP TABLE mailbox_4;

-- Message-IDs that an inbox knows, by a keyed 64-bit hash, with their conversation, and how many
-- stored messages have named each. `body.links` says which.
ALTER TABLE reference ADD COLUMN holders INTEGER NOT NULL DEFAULT 0;
ALTER TABLE body ADD COLUMN links BLOB;

-- Whether an inbox has an address at a domain.
CREATE INDEX inbox_domain ON inbox(domain) WHERE domain IS NOT NULL;
-- Revoked keys are removed after a time.
CREATE INDEX key_revoked ON key(revoked_at) WHERE revoked_at IS NOT NULL;
-- The address of an inbox, when the inbox is deleted.
CREATE INDEX address_inbox ON address(inbox) WHERE inbox IS NOT NULL;
