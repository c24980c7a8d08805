-- Whether the account has a second factor; kept by whoever adds and removes factors, under the account's lock.
ALTER TABLE users ADD COLUMN has_second_factor {bool} NOT NULL DEFAULT false;
