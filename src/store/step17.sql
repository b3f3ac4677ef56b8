-- Version 17. What keys and inboxes have used of budgets of a day (see day_count.rs).
CREATE TABLE day_count (
    kind INTEGER NOT NULL,                 -- as DayCount
    id INTEGER NOT NULL,                   -- the key, or the inbox
    day INTEGER NOT NULL,                  -- the unix day that `n` counts
    n INTEGER NOT NULL,
    sum INTEGER,
    PRIMARY KEY (kind, id)
) WITHOUT ROWID;
