-- How often something was sent to someone lately, so that nobody's mailbox or telephone is flooded. Who it is, only a keyed digest says.
CREATE TABLE sendings (
    recipient {id} PRIMARY KEY,
    -- The hour that is counted began then.
    since     {time} NOT NULL,
    sent      {int} NOT NULL,
    last_at   {time} NOT NULL
) {strict};
CREATE INDEX sendings_last_at ON sendings (last_at);
