-- Conversations are not the only ones who hold files: `holder_kind` tells what the holder is, and `conversation_id` is its
-- id, whatever it is. The column and the table keep their names until no release reads them as they were: releases that
-- know one kind only go on writing the same rows here, so that two releases over one database cannot disagree.
ALTER TABLE file_links ADD COLUMN holder_kind VARCHAR(16) NOT NULL DEFAULT 'conversation';
