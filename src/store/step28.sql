-- Version 28. How an inbox judges mail (see spam_setting.rs).
CREATE TABLE spam_setting (
    inbox INTEGER PRIMARY KEY,
    org INTEGER NOT NULL,
    settings BLOB NOT NULL,
    sum INTEGER
);
