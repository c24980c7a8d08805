CREATE TABLE stored_key (
    id         {int} PRIMARY KEY,
    sealed     {bytes} NOT NULL,
    created_at {time} NOT NULL,
    CONSTRAINT stored_key_is_one_row CHECK (id = 1)
) {strict};
