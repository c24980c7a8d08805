-- What may be used once and ends by itself: links, codes, states, challenges. Nothing of the secret is here but a keyed digest.
CREATE TABLE single_use (
    purpose       {text} NOT NULL,
    -- What it is about: an account, or a number of its own.
    subject       {id} NOT NULL,
    digest        {bytes} NOT NULL,
    -- Sealed.
    payload       {bytes} NOT NULL,
    -- The account it belongs to, if any: it goes when that account's credentials change.
    user_id       {id},
    attempts_left {int} NOT NULL,
    created_at    {time} NOT NULL,
    expires_at    {time} NOT NULL,
    PRIMARY KEY (purpose, subject)
) {strict};
CREATE INDEX single_use_user_id ON single_use (user_id);
CREATE INDEX single_use_expires_at ON single_use (expires_at);
