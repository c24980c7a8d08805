-- When the person proved that the address is theirs; null: not yet.
ALTER TABLE users ADD COLUMN email_verified_at {time};
