ALTER TABLE hidden_owners ADD COLUMN tries {int} NOT NULL DEFAULT 0;
ALTER TABLE hidden_owners ADD COLUMN retry_at {time} NOT NULL DEFAULT 0;
