CREATE TABLE user_roles (
    user_id     {id} NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role        {text} NOT NULL,
    assigned_at {time} NOT NULL,
    PRIMARY KEY (user_id, role)
) {strict};
CREATE INDEX user_roles_role ON user_roles (role);
