CREATE TABLE idempotency_keys (
    id         {bytes} NOT NULL PRIMARY KEY,
    body       {bytes} NOT NULL,
    outcome    {bytes} NOT NULL,
    created_at {time} NOT NULL
) {strict};
CREATE INDEX idempotency_keys__created_at__idx ON idempotency_keys (created_at);
