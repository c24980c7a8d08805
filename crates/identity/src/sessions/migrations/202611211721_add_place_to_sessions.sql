-- Roughly where the log-in came from: tenths of a degree, and kilometres around that. Null where nobody knows.
ALTER TABLE sessions ADD COLUMN latitude {int};
ALTER TABLE sessions ADD COLUMN longitude {int};
ALTER TABLE sessions ADD COLUMN radius {int};
ALTER TABLE sessions ADD COLUMN country {text};
