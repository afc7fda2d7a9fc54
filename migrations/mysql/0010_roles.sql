-- What somebody may do beyond their own account: 'user' nothing, 'admin' work on everybody's.
ALTER TABLE users ADD COLUMN role VARCHAR(16) NOT NULL DEFAULT 'user';

-- Acts that somebody may have to answer for. `actor_id` is who did it, NULL for the command line; `detail` is JSON.
CREATE TABLE IF NOT EXISTS audit (
  id          BINARY(16)  NOT NULL PRIMARY KEY,
  at          BIGINT      NOT NULL,
  actor_id    BINARY(16),
  action      VARCHAR(32) NOT NULL,
  target_kind VARCHAR(16) NOT NULL,
  target_id   BINARY(16)  NOT NULL,
  detail      TEXT        NOT NULL,
  KEY audit_at (at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
