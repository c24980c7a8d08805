CREATE TABLE audit_log (
    id          {id} PRIMARY KEY,
    at          {time} NOT NULL,
    action      {text} NOT NULL,
    actor_type  {text} NOT NULL,
    actor_id    {id},
    session_id  {id},
    target_type {text} NOT NULL,
    target_id   {id},
    address     {text},
    request_id  {text},
    before      {json},
    after       {json}
) {strict};
