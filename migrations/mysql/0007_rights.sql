-- What somebody who is blocked goes on seeing of who blocked them: how it was then. So a block looks like an absence.
CREATE TABLE IF NOT EXISTS frozen_views (
  viewer_id    BINARY(16) NOT NULL,
  seen_id      BINARY(16) NOT NULL,
  last_seen_at BIGINT     NOT NULL,
  received_seq BIGINT     NOT NULL,
  read_seq     BIGINT     NOT NULL,
  PRIMARY KEY (viewer_id, seen_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

INSERT IGNORE INTO frozen_views (viewer_id, seen_id, last_seen_at, received_seq, read_seq)
  SELECT b.peer_id, b.user_id, u.last_seen_at, COALESCE(k.received_seq, 0), COALESCE(k.read_seq, 0)
  FROM contacts b
  JOIN users u ON u.id = b.user_id
  LEFT JOIN conversations c ON c.pair_key = CASE WHEN b.user_id < b.peer_id
      THEN CONCAT(b.user_id, b.peer_id) ELSE CONCAT(b.peer_id, b.user_id) END
  LEFT JOIN cursors k ON k.conversation_id = c.id AND k.user_id = b.user_id
  WHERE b.blocked = 1;

-- `writable` is 2 for whoever is blocked: they may write, and only they read it.
UPDATE members SET writable = 2
  WHERE EXISTS (SELECT 1 FROM frozen_views f
    JOIN contacts mine ON mine.user_id = f.viewer_id AND mine.peer_id = f.seen_id
                      AND mine.contact = 1 AND mine.blocked = 0
    JOIN conversations c ON c.pair_key = CASE WHEN f.viewer_id < f.seen_id
      THEN CONCAT(f.viewer_id, f.seen_id) ELSE CONCAT(f.seen_id, f.viewer_id) END
    WHERE f.viewer_id = members.user_id AND c.id = members.conversation_id);

-- 1: written by somebody whom the other one has blocked; nobody but the sender ever reads it.
ALTER TABLE messages ADD COLUMN withheld BOOLEAN NOT NULL DEFAULT 0;

-- Whom a moderator put out of a group call. They stay out of it, also where it goes on after a crash.
CREATE TABLE IF NOT EXISTS call_removals (
  call_id    BINARY(16) NOT NULL,
  user_id    BINARY(16) NOT NULL,
  removed_at BIGINT     NOT NULL,
  PRIMARY KEY (call_id, user_id),
  KEY call_removals_age (removed_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
