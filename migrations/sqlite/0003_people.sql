-- What names are compared by since marks count as letters and case is folded fully. `name_key` stays as the first
-- releases make it, for they read this schema too. NULL: not computed yet, or somebody older has it.
ALTER TABLE users ADD COLUMN name_fold TEXT;
CREATE UNIQUE INDEX users_name_fold ON users (app_id, name_fold);
-- ASCII folds to what it was; the rest is computed at the next start.
UPDATE users SET name_fold = name_key WHERE name_key NOT GLOB '*[^ -~]*';

-- The refresh token before the current one, for those who did not hear the answer, and what the current tokens were
-- derived with. All NULL before the first refresh.
ALTER TABLE logins ADD COLUMN former_refresh_hash BLOB;
ALTER TABLE logins ADD COLUMN rotation_salt BLOB;
ALTER TABLE logins ADD COLUMN rotated_at INTEGER;

-- Devices and networks that somebody has signed in from, as hashes: nobody's wrong passwords lock these out.
CREATE TABLE known_devices (
  user_id BLOB    NOT NULL,
  mark    BLOB    NOT NULL,
  seen_at INTEGER NOT NULL,
  PRIMARY KEY (user_id, mark)
) STRICT, WITHOUT ROWID;
