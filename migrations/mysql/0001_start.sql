-- Unique keys are named after a column of theirs: `Error::taken` matches by that name on both engines.
-- Ids are UUIDs in 16 bytes, times are milliseconds since 1970 UTC.
CREATE TABLE users (
  id            BINARY(16)   NOT NULL PRIMARY KEY,
  app_id        BINARY(16)   NOT NULL,
  name          VARCHAR(64)  NOT NULL,
  name_key      VARCHAR(191) NOT NULL,
  nickname      VARCHAR(160) NOT NULL,
  password_hash VARCHAR(255) NOT NULL,
  avatar_id     BINARY(16),
  direct_add    BOOLEAN      NOT NULL DEFAULT 0,
  disabled      BOOLEAN      NOT NULL DEFAULT 0,
  contacts_ver  BIGINT       NOT NULL DEFAULT 0,
  last_seen_at  BIGINT       NOT NULL,
  created_at    BIGINT       NOT NULL,
  UNIQUE KEY name_key (app_id, name_key)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE logins (
  id                 BINARY(16)   NOT NULL PRIMARY KEY,
  user_id            BINARY(16)   NOT NULL,
  device_id          BINARY(16)   NOT NULL,
  device_kind        VARCHAR(16)  NOT NULL,
  device_name        VARCHAR(255) NOT NULL,
  address            VARCHAR(64)  NOT NULL,
  access_hash        BINARY(32)   NOT NULL,
  access_expires_at  BIGINT       NOT NULL,
  refresh_hash       BINARY(32)   NOT NULL,
  refresh_expires_at BIGINT       NOT NULL,
  created_at         BIGINT       NOT NULL,
  last_seen_at       BIGINT       NOT NULL,
  UNIQUE KEY device_id (user_id, device_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- One row per side. `contact` 0 keeps a former contact for incremental sync.
CREATE TABLE contacts (
  user_id BINARY(16)   NOT NULL,
  peer_id BINARY(16)   NOT NULL,
  contact BOOLEAN      NOT NULL,
  blocked BOOLEAN      NOT NULL,
  remark  VARCHAR(160),
  ver     BIGINT       NOT NULL,
  PRIMARY KEY (user_id, peer_id),
  KEY contacts_ver (user_id, ver)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE contact_requests (
  id         BINARY(16)   NOT NULL PRIMARY KEY,
  from_id    BINARY(16)   NOT NULL,
  to_id      BINARY(16)   NOT NULL,
  message    VARCHAR(800) NOT NULL,
  way        VARCHAR(16)  NOT NULL,
  status     VARCHAR(16)  NOT NULL,
  seen       BOOLEAN      NOT NULL,
  created_at BIGINT       NOT NULL,
  updated_at BIGINT       NOT NULL,
  UNIQUE KEY to_id (from_id, to_id),
  KEY contact_requests_to (to_id, updated_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- `pair_key` is the two ids of a one-to-one conversation in order; NULL for groups.
CREATE TABLE conversations (
  id           BINARY(16)   NOT NULL PRIMARY KEY,
  app_id       BINARY(16)   NOT NULL,
  kind         VARCHAR(16)  NOT NULL,
  title        VARCHAR(255),
  pair_key     BINARY(32),
  member_count BIGINT       NOT NULL,
  last_seq     BIGINT       NOT NULL DEFAULT 0,
  last_ver     BIGINT       NOT NULL DEFAULT 0,
  created_at   BIGINT       NOT NULL,
  updated_at   BIGINT       NOT NULL,
  UNIQUE KEY pair_key (pair_key)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE members (
  conversation_id BINARY(16)  NOT NULL,
  user_id         BINARY(16)  NOT NULL,
  role            VARCHAR(16) NOT NULL,
  writable        BOOLEAN     NOT NULL,
  joined_at       BIGINT      NOT NULL,
  PRIMARY KEY (conversation_id, user_id),
  KEY members_user (user_id, conversation_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Apart from members, so that an upsert that moves a cursor can never make somebody a member.
CREATE TABLE cursors (
  conversation_id BINARY(16) NOT NULL,
  user_id         BINARY(16) NOT NULL,
  received_seq    BIGINT     NOT NULL,
  read_seq        BIGINT     NOT NULL,
  PRIMARY KEY (conversation_id, user_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE messages (
  conversation_id BINARY(16) NOT NULL,
  seq             BIGINT     NOT NULL,
  ver             BIGINT     NOT NULL,
  id              BINARY(16) NOT NULL,
  sender_id       BINARY(16) NOT NULL,
  client_msg_id   BINARY(16) NOT NULL,
  body            MEDIUMTEXT NOT NULL,
  sent_at         BIGINT     NOT NULL,
  recalled_at     BIGINT,
  PRIMARY KEY (conversation_id, seq),
  UNIQUE KEY client_msg_id (client_msg_id, sender_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Changes that are not new messages. `last_seq` is the conversation's at that moment: with it the message
-- of any `ver` is found by arithmetic, without an index on messages.ver.
CREATE TABLE changes (
  conversation_id BINARY(16)  NOT NULL,
  ver             BIGINT      NOT NULL,
  last_seq        BIGINT      NOT NULL,
  kind            VARCHAR(16) NOT NULL,
  seq             BIGINT      NOT NULL,
  changed_at      BIGINT      NOT NULL,
  PRIMARY KEY (conversation_id, ver)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
