-- Version 21. Files that clients have uploaded (see upload.rs). Their octets are bodies.
CREATE TABLE upload (
    id INTEGER PRIMARY KEY,
    org INTEGER NOT NULL,
    key INTEGER,                           -- the key that has made it; NULL is the operator
    body INTEGER NOT NULL,
    size INTEGER NOT NULL,
    filename TEXT NOT NULL,
    content_type TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    cost INTEGER NOT NULL,
    sum INTEGER
);
CREATE INDEX upload_key ON upload(org, key);
CREATE INDEX upload_expires ON upload(expires_at);
CREATE INDEX upload_body ON upload(body);
