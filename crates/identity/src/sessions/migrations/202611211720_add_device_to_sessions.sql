-- Where it was begun; that device may be forgotten since.
ALTER TABLE sessions ADD COLUMN device_id {id};
-- Where it was last used from.
ALTER TABLE sessions ADD COLUMN last_address {text};
