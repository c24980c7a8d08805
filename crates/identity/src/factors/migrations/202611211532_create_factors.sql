CREATE TABLE factors (
    id           {id} PRIMARY KEY,
    user_id      {id} NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    kind         {text} NOT NULL,
    label        {text},
    -- Sealed: the shared secret of a generator of codes, the number or the address that codes are sent to.
    secret       {bytes} NOT NULL,
    -- Of a generator of codes: the step of the last code that was taken.
    last_step    {int} NOT NULL,
    created_at   {time} NOT NULL,
    confirmed_at {time},
    last_used_at {time}
) {strict};
CREATE INDEX factors_user_id ON factors (user_id, id);
CREATE TABLE backup_codes (
    user_id    {id} NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    digest     {bytes} NOT NULL,
    created_at {time} NOT NULL,
    PRIMARY KEY (user_id, digest)
) {strict};
