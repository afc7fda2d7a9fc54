-- The access token before the current one and when it ends, in milliseconds since 1970: requests under way, and other
-- tabs, go on with it for a moment. NULL before the first refresh, and where it must let nobody in any more.
ALTER TABLE logins ADD COLUMN former_access_hash BLOB;
ALTER TABLE logins ADD COLUMN former_access_until INTEGER;
