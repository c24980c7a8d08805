-- Addresses that accounts had and may get back: until then they are nobody else's.
CREATE TABLE former_emails (
    email_key  {text} PRIMARY KEY,
    user_id    {id} NOT NULL,
    kept_until {time} NOT NULL
) {strict};
CREATE INDEX former_emails_user ON former_emails (user_id);
CREATE INDEX former_emails_kept_until ON former_emails (kept_until);
