-- What a change of this kind says beyond its message, as JSON.
ALTER TABLE changes ADD COLUMN detail TEXT NULL;
