CREATE TABLE master_key (
    id          {int} PRIMARY KEY,
    fingerprint {bytes} NOT NULL,
    noted_at    {time} NOT NULL,
    CONSTRAINT master_key_is_one_row CHECK (id = 1)
) {strict};
