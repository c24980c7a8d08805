CREATE TABLE passkeys (
    id               {id} PRIMARY KEY,
    user_id          {id} NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- The authenticator's own name for it.
    credential_id    {bytes} NOT NULL,
    -- The public key and what was said of it at registration; never changed.
    credential       {json} NOT NULL,
    name             {text} NOT NULL,
    -- Whether it verified its user when it was registered: only then is it a whole log-in.
    is_user_verified {bool} NOT NULL,
    transports       {text} NOT NULL,
    -- What the authenticator counted when it was used last; 0 where it does not count.
    counter          {int} NOT NULL,
    is_backed_up     {bool} NOT NULL,
    created_at       {time} NOT NULL,
    last_used_at     {time},
    -- When its counter went back: there may be a copy. Null: it may be used.
    suspended_at     {time}
) {strict};
CREATE UNIQUE INDEX passkeys_credential_id ON passkeys (credential_id);
CREATE INDEX passkeys_user_id ON passkeys (user_id, id);
