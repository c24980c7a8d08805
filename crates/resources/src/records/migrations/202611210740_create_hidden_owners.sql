CREATE TABLE hidden_owners (
    owner_id  {id} PRIMARY KEY,
    hidden_at {time} NOT NULL
) {strict};
