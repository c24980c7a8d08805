CREATE TABLE outbox (
    id         {id} NOT NULL PRIMARY KEY,
    kind       {text} NOT NULL,
    payload    {bytes} NOT NULL,
    created_at {time} NOT NULL,
    expires_at {time},
    due_at     {time},
    attempts   {int} NOT NULL,
    failure    {text},
    dead_at    {time}
) {strict};
CREATE INDEX outbox__kind__due_at__idx ON outbox (kind, due_at);
CREATE INDEX outbox__dead_at__idx ON outbox (dead_at);
