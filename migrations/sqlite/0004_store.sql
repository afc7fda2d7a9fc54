-- One row that a node writes to find out whether it can.
CREATE TABLE probes (
  id         INTEGER NOT NULL PRIMARY KEY,
  written_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO probes (id, written_at) VALUES (1, 0);

-- Messages that carry a file, so that a recalled one takes along what only it carried.
CREATE TABLE file_messages (
  file_id         BLOB    NOT NULL,
  conversation_id BLOB    NOT NULL,
  seq             INTEGER NOT NULL,
  PRIMARY KEY (file_id, conversation_id, seq)
) STRICT, WITHOUT ROWID;

INSERT OR IGNORE INTO file_messages (file_id, conversation_id, seq)
  SELECT unhex(json_extract(body, '$.file_id'), '-'), conversation_id, seq
  FROM messages WHERE body LIKE '%"file_id"%' AND json_extract(body, '$.file_id') IS NOT NULL;
