-- Version 16. The client's own JSON of a message that it sends, and which message an answer is to
-- (see metadata.rs).
CREATE TABLE metadata (
    entry INTEGER PRIMARY KEY,             -- the copy of the sender, or the answer
    org INTEGER NOT NULL,
    inbox INTEGER NOT NULL,
    message INTEGER,                       -- Store::reference_hash of the Message-ID
    json TEXT,                             -- an answer has none
    answers INTEGER,                       -- the entry that an answer is to
    sum INTEGER
);
CREATE INDEX metadata_message ON metadata(inbox, message) WHERE message IS NOT NULL;
