CREATE TABLE devices (
    id            {id} PRIMARY KEY,
    user_id       {id} NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    digest        {bytes} NOT NULL,
    user_agent    {text},
    address       {text},
    created_at    {time} NOT NULL,
    last_seen_at  {time} NOT NULL,
    -- Until when log-ins on it need no second factor.
    trusted_until {time}
) {strict};
CREATE UNIQUE INDEX devices_user_id_digest ON devices (user_id, digest);
CREATE INDEX devices_last_seen_at ON devices (last_seen_at);
