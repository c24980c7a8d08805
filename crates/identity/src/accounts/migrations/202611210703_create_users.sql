CREATE TABLE users (
    id            {id} PRIMARY KEY,
    -- As it was given, and as it is looked up. Both are blanked when the account is deleted.
    email         {text},
    email_key     {text},
    username      {text},
    username_key  {text},
    name          {text},
    password_hash {text},
    preferences   {json} NOT NULL,
    state         {text} NOT NULL,
    created_at    {time} NOT NULL,
    updated_at    {time} NOT NULL,
    deleted_at    {time},
    version       {int} NOT NULL
) {strict};
CREATE UNIQUE INDEX users_email ON users (email_key);
CREATE UNIQUE INDEX users_username ON users (username_key);
