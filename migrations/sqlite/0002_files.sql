-- An upload keeps its row until `expires_at`, also when `finished`, so that a client can ask how it went. The
-- file it becomes has the same id.
CREATE TABLE uploads (
  id         BLOB    NOT NULL PRIMARY KEY,
  user_id    BLOB    NOT NULL,
  name       TEXT    NOT NULL,
  length     INTEGER NOT NULL,
  received   INTEGER NOT NULL,
  parts      INTEGER NOT NULL,
  finished   INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX uploads_user ON uploads (user_id, finished);
CREATE INDEX uploads_expiry ON uploads (expires_at);

-- `width` and `height` only for images we can show.
CREATE TABLE files (
  id         BLOB    NOT NULL PRIMARY KEY,
  user_id    BLOB    NOT NULL,
  name       TEXT    NOT NULL,
  size       INTEGER NOT NULL,
  mime       TEXT    NOT NULL,
  width      INTEGER,
  height     INTEGER,
  sha256     BLOB    NOT NULL,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Conversations with a message that carries the file: their members may read it.
CREATE TABLE file_links (
  file_id         BLOB NOT NULL,
  conversation_id BLOB NOT NULL,
  PRIMARY KEY (file_id, conversation_id)
) STRICT, WITHOUT ROWID;
