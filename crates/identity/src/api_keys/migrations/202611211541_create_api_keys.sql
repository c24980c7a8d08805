CREATE TABLE api_keys (
    id                  {id} PRIMARY KEY,
    user_id             {id} NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    label               {text} NOT NULL,
    -- Words, divided by spaces; so are the addresses.
    scopes              {text} NOT NULL,
    addresses           {text} NOT NULL,
    requests_per_minute {int},
    -- A MAC of the secret under a key that is not in the database.
    digest              {bytes} NOT NULL,
    -- Of the secret before the last rotation, and how long it stays good.
    previous_digest     {bytes},
    previous_until      {time},
    created_at          {time} NOT NULL,
    rotated_at          {time},
    expires_at          {time},
    last_used_at        {time},
    last_address        {text}
) {strict};
CREATE INDEX api_keys_user_id ON api_keys (user_id, id);
CREATE INDEX api_keys_expires_at ON api_keys (expires_at);
