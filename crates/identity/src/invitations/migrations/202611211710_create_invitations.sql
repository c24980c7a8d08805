-- Accounts that were offered and that nobody made yet. The link is a single-use thing about the row's id.
CREATE TABLE invitations (
    id         {id} PRIMARY KEY,
    email      {text} NOT NULL,
    email_key  {text} NOT NULL,
    -- Names, divided by spaces.
    roles      {text} NOT NULL,
    -- Null: the server's own command line.
    invited_by {id} REFERENCES users (id) ON DELETE CASCADE,
    created_at {time} NOT NULL,
    expires_at {time} NOT NULL
) {strict};
CREATE UNIQUE INDEX invitations_email ON invitations (email_key);
CREATE INDEX invitations_invited_by ON invitations (invited_by);
CREATE INDEX invitations_expires_at ON invitations (expires_at);
