CREATE TABLE sessions (
    id               {id} PRIMARY KEY,
    user_id          {id} NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- Of the refresh token that is good next.
    generation       {int} NOT NULL,
    transport        {text} NOT NULL,
    methods          {text} NOT NULL,
    user_agent       {text},
    address          {text},
    created_at       {time} NOT NULL,
    authenticated_at {time} NOT NULL,
    last_seen_at     {time} NOT NULL,
    rotated_at       {time},
    expires_at       {time} NOT NULL,
    revoked_at       {time}
) {strict};
CREATE INDEX sessions_user_id ON sessions (user_id, id);
