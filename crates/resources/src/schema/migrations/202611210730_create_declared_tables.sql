CREATE TABLE declared_tables (
    name       {text} PRIMARY KEY,
    shape      {json} NOT NULL,
    applied_at {time} NOT NULL
) {strict};
