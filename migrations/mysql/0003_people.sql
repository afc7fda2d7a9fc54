-- What names are compared by since marks count as letters and case is folded fully. `name_key` stays as the first
-- releases make it, for they read this schema too. NULL: not computed yet, or somebody older has it.
ALTER TABLE users ADD COLUMN name_fold VARCHAR(191), ADD UNIQUE KEY name_fold (app_id, name_fold);
-- ASCII folds to what it was; the rest is computed at the next start.
UPDATE users SET name_fold = name_key WHERE name_fold IS NULL AND name_key REGEXP '^[ -~]*$';

-- The refresh token before the current one, for those who did not hear the answer, and what the current tokens were
-- derived with. All NULL before the first refresh.
ALTER TABLE logins ADD COLUMN former_refresh_hash BINARY(32), ADD COLUMN rotation_salt BINARY(32),
  ADD COLUMN rotated_at BIGINT;

-- Devices and networks that somebody has signed in from, as hashes: nobody's wrong passwords lock these out.
CREATE TABLE IF NOT EXISTS known_devices (
  user_id BINARY(16) NOT NULL,
  mark    BINARY(32) NOT NULL,
  seen_at BIGINT     NOT NULL,
  PRIMARY KEY (user_id, mark)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
