-- Version 14. The keys of domains have checksums.
ALTER TABLE dkim ADD COLUMN sum INTEGER;
