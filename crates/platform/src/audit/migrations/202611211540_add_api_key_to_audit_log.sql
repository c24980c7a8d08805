-- The API key that acted, where it was none of the sessions.
ALTER TABLE audit_log ADD COLUMN api_key_id {id};
