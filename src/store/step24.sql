-- Version 24. What each inbox, and each organization, has done on each day (see usage.rs). The
-- inbox 0 is the whole organization.
CREATE TABLE usage_day (
    inbox INTEGER NOT NULL,
    org INTEGER NOT NULL,
    day INTEGER NOT NULL,                  -- UTC, from 1970
    sent INTEGER NOT NULL,
    received INTEGER NOT NULL,
    requests INTEGER NOT NULL,
    events INTEGER NOT NULL,
    stored_bytes INTEGER NOT NULL,         -- after the last change of the day
    sum INTEGER,
    PRIMARY KEY (inbox, org, day)
) WITHOUT ROWID;
CREATE INDEX usage_day_by_day ON usage_day(day);
