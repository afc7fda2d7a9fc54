-- What somebody may do beyond their own account: 'user' nothing, 'admin' work on everybody's.
ALTER TABLE users ADD COLUMN role TEXT NOT NULL DEFAULT 'user';

-- Acts that somebody may have to answer for. `actor_id` is who did it, NULL for the command line; `detail` is JSON.
CREATE TABLE audit (
  id          BLOB    NOT NULL PRIMARY KEY,
  at          INTEGER NOT NULL,
  actor_id    BLOB,
  action      TEXT    NOT NULL,
  target_kind TEXT    NOT NULL,
  target_id   BLOB    NOT NULL,
  detail      TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_at ON audit (at);
