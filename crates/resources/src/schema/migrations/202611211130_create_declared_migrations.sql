CREATE TABLE declared_migrations (
    id         {text} PRIMARY KEY,
    checksum   {text} NOT NULL,
    applied_at {time} NOT NULL
) {strict};
