CREATE TABLE signing_keys (
    kid        {text} PRIMARY KEY,
    algorithm  {text} NOT NULL,
    sealed     {bytes} NOT NULL,
    created_at {time} NOT NULL,
    retired_at {time}
) {strict};
-- One key signs at a time.
CREATE UNIQUE INDEX signing_keys_active ON signing_keys (algorithm) WHERE retired_at IS NULL;
