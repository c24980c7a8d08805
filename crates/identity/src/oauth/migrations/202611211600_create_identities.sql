-- Who an account is with a provider: the issuer and the subject name a person there, the address does not.
CREATE TABLE identities (
    id           {id} PRIMARY KEY,
    user_id      {id} NOT NULL,
    provider     {text} NOT NULL,
    issuer       {text} NOT NULL,
    subject      {text} NOT NULL,
    -- As the provider last told it; for people to tell their identities apart.
    email        {text},
    created_at   {time} NOT NULL,
    last_used_at {time} NOT NULL
) {strict};
CREATE UNIQUE INDEX identities_subject ON identities (issuer, subject);
CREATE INDEX identities_user ON identities (user_id);
