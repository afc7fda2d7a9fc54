-- What somebody's files take is summed up from this alone; whose picture an object is, from that.
CREATE INDEX files_user ON files (user_id, size);
CREATE INDEX users_avatar ON users (avatar_id);
