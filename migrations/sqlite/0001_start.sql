-- STRICT: SQLite would otherwise store any type in any column and hide what MySQL refuses.
-- Ids are UUIDs in 16 bytes, times are milliseconds since 1970 UTC.
CREATE TABLE users (
  id            BLOB    NOT NULL PRIMARY KEY,
  app_id        BLOB    NOT NULL,
  name          TEXT    NOT NULL,
  name_key      TEXT    NOT NULL,
  nickname      TEXT    NOT NULL,
  password_hash TEXT    NOT NULL,
  avatar_id     BLOB,
  direct_add    INTEGER NOT NULL DEFAULT 0,
  disabled      INTEGER NOT NULL DEFAULT 0,
  contacts_ver  INTEGER NOT NULL DEFAULT 0,
  last_seen_at  INTEGER NOT NULL,
  created_at    INTEGER NOT NULL,
  UNIQUE (app_id, name_key)
) STRICT, WITHOUT ROWID;

CREATE TABLE logins (
  id                 BLOB    NOT NULL PRIMARY KEY,
  user_id            BLOB    NOT NULL,
  device_id          BLOB    NOT NULL,
  device_kind        TEXT    NOT NULL,
  device_name        TEXT    NOT NULL,
  address            TEXT    NOT NULL,
  access_hash        BLOB    NOT NULL,
  access_expires_at  INTEGER NOT NULL,
  refresh_hash       BLOB    NOT NULL,
  refresh_expires_at INTEGER NOT NULL,
  created_at         INTEGER NOT NULL,
  last_seen_at       INTEGER NOT NULL,
  UNIQUE (user_id, device_id)
) STRICT, WITHOUT ROWID;

-- One row per side. `contact` 0 keeps a former contact for incremental sync.
CREATE TABLE contacts (
  user_id BLOB    NOT NULL,
  peer_id BLOB    NOT NULL,
  contact INTEGER NOT NULL,
  blocked INTEGER NOT NULL,
  remark  TEXT,
  ver     INTEGER NOT NULL,
  PRIMARY KEY (user_id, peer_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX contacts_ver ON contacts (user_id, ver);

CREATE TABLE contact_requests (
  id         BLOB    NOT NULL PRIMARY KEY,
  from_id    BLOB    NOT NULL,
  to_id      BLOB    NOT NULL,
  message    TEXT    NOT NULL,
  way        TEXT    NOT NULL,
  status     TEXT    NOT NULL,
  seen       INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  UNIQUE (from_id, to_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX contact_requests_to ON contact_requests (to_id, updated_at);

-- `pair_key` is the two ids of a one-to-one conversation in order; NULL for groups.
CREATE TABLE conversations (
  id           BLOB    NOT NULL PRIMARY KEY,
  app_id       BLOB    NOT NULL,
  kind         TEXT    NOT NULL,
  title        TEXT,
  pair_key     BLOB,
  member_count INTEGER NOT NULL,
  last_seq     INTEGER NOT NULL DEFAULT 0,
  last_ver     INTEGER NOT NULL DEFAULT 0,
  created_at   INTEGER NOT NULL,
  updated_at   INTEGER NOT NULL,
  UNIQUE (pair_key)
) STRICT, WITHOUT ROWID;

CREATE TABLE members (
  conversation_id BLOB    NOT NULL,
  user_id         BLOB    NOT NULL,
  role            TEXT    NOT NULL,
  writable        INTEGER NOT NULL,
  joined_at       INTEGER NOT NULL,
  PRIMARY KEY (conversation_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX members_user ON members (user_id, conversation_id);

-- Apart from members, so that an upsert that moves a cursor can never make somebody a member.
CREATE TABLE cursors (
  conversation_id BLOB    NOT NULL,
  user_id         BLOB    NOT NULL,
  received_seq    INTEGER NOT NULL,
  read_seq        INTEGER NOT NULL,
  PRIMARY KEY (conversation_id, user_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE messages (
  conversation_id BLOB    NOT NULL,
  seq             INTEGER NOT NULL,
  ver             INTEGER NOT NULL,
  id              BLOB    NOT NULL,
  sender_id       BLOB    NOT NULL,
  client_msg_id   BLOB    NOT NULL,
  body            TEXT    NOT NULL,
  sent_at         INTEGER NOT NULL,
  recalled_at     INTEGER,
  PRIMARY KEY (conversation_id, seq),
  UNIQUE (client_msg_id, sender_id)
) STRICT, WITHOUT ROWID;

-- Changes that are not new messages. `last_seq` is the conversation's at that moment: with it the message
-- of any `ver` is found by arithmetic, without an index on messages.ver.
CREATE TABLE changes (
  conversation_id BLOB    NOT NULL,
  ver             INTEGER NOT NULL,
  last_seq        INTEGER NOT NULL,
  kind            TEXT    NOT NULL,
  seq             INTEGER NOT NULL,
  changed_at      INTEGER NOT NULL,
  PRIMARY KEY (conversation_id, ver)
) STRICT, WITHOUT ROWID;
