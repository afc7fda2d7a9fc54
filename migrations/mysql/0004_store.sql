-- One row that a node writes to find out whether it can.
CREATE TABLE probes (
  id         BIGINT NOT NULL PRIMARY KEY,
  written_at BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

INSERT IGNORE INTO probes (id, written_at) VALUES (1, 0);

-- Messages that carry a file, so that a recalled one takes along what only it carried.
CREATE TABLE file_messages (
  file_id         BINARY(16) NOT NULL,
  conversation_id BINARY(16) NOT NULL,
  seq             BIGINT     NOT NULL,
  PRIMARY KEY (file_id, conversation_id, seq)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

INSERT IGNORE INTO file_messages (file_id, conversation_id, seq)
  SELECT UNHEX(REPLACE(JSON_UNQUOTE(JSON_EXTRACT(body, '$.file_id')), '-', '')), conversation_id, seq
  FROM messages WHERE body LIKE '%"file_id"%' AND JSON_EXTRACT(body, '$.file_id') IS NOT NULL;
