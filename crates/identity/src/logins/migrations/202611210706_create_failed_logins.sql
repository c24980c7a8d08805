-- Failed log-ins by names nobody has, counted in a fixed number of buckets: strangers cannot fill the disk.
CREATE TABLE failed_logins (
    bucket   {int} PRIMARY KEY,
    failures {int} NOT NULL,
    last_at  {time} NOT NULL
) {strict};
