-- An upload keeps its row until `expires_at`, also when `finished`, so that a client can ask how it went. The
-- file it becomes has the same id.
CREATE TABLE uploads (
  id         BINARY(16)   NOT NULL PRIMARY KEY,
  user_id    BINARY(16)   NOT NULL,
  name       VARCHAR(255) NOT NULL,
  length     BIGINT       NOT NULL,
  received   BIGINT       NOT NULL,
  parts      BIGINT       NOT NULL,
  finished   BOOLEAN      NOT NULL,
  expires_at BIGINT       NOT NULL,
  KEY uploads_user (user_id, finished),
  KEY uploads_expiry (expires_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- `width` and `height` only for images we can show.
CREATE TABLE files (
  id         BINARY(16)   NOT NULL PRIMARY KEY,
  user_id    BINARY(16)   NOT NULL,
  name       VARCHAR(255) NOT NULL,
  size       BIGINT       NOT NULL,
  mime       VARCHAR(127) NOT NULL,
  width      BIGINT,
  height     BIGINT,
  sha256     BINARY(32)   NOT NULL,
  created_at BIGINT       NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Conversations with a message that carries the file: their members may read it.
CREATE TABLE file_links (
  file_id         BINARY(16) NOT NULL,
  conversation_id BINARY(16) NOT NULL,
  PRIMARY KEY (file_id, conversation_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
