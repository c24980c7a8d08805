//! Every key of the configuration as data: the loader, the reference page and the starter file are read from this table.
use super::kind::Kind;

/// One key of the app file.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// `server.listen`.
    pub path: &'static str,
    pub kind: Kind,
    /// In development and testing, then in staging and production; as the environment would write it.
    pub defaults: (Option<&'static str>, Option<&'static str>),
    /// Staging and production do not start without it.
    pub is_required: bool,
    /// The name other software gives it in the environment.
    pub well_known: Option<&'static str>,
    /// Never shown; may be read from a file that `<NAME>_FILE` names.
    pub is_secret: bool,
    /// Stands in the starter file where there is no default.
    pub example: &'static str,
    /// One line.
    pub doc: &'static str,
}

const fn key(path: &'static str, kind: Kind, doc: &'static str) -> Key {
    Key { path, kind, doc, defaults: (None, None), is_required: false, well_known: None, is_secret: false, example: "" }
}

impl Key {
    const fn default(self, text: &'static str) -> Self {
        Self { defaults: (Some(text), Some(text)), ..self }
    }

    const fn defaults(self, at_home: &'static str, exposed: &'static str) -> Self {
        Self { defaults: (Some(at_home), Some(exposed)), ..self }
    }

    /// A default in development and testing alone; required elsewhere.
    const fn home_default(self, text: &'static str) -> Self {
        Self { defaults: (Some(text), None), is_required: true, ..self }
    }

    const fn required(self) -> Self {
        Self { is_required: true, ..self }
    }

    const fn well_known(self, name: &'static str) -> Self {
        Self { well_known: Some(name), ..self }
    }

    const fn secret(self) -> Self {
        Self { is_secret: true, ..self }
    }

    const fn example(self, text: &'static str) -> Self {
        Self { example: text, ..self }
    }

    /// `HARDPAN_SERVER__LISTEN`.
    pub fn variable(&self) -> String {
        format!("HARDPAN_{}", self.path.replace('.', "__").to_ascii_uppercase())
    }

    pub fn section(&self) -> &'static str {
        self.path.split_once('.').map_or(self.path, |(section, _)| section)
    }

    /// The path within its section: `pool.min`.
    pub fn name(&self) -> &'static str {
        self.path.split_once('.').map_or(self.path, |(_, name)| name)
    }
}

/// Replaces the port of `server.listen` and nothing else.
pub const PORT: &str = "PORT";

/// The tables declared elsewhere.
pub const RESOURCES: &str = "resources";
pub const ROLES: &str = "roles";

const MANY: u64 = 1_000_000_000;

/// Every key, in the order people read them.
pub const KEYS: &[Key] = &[
    key("app.name", Kind::Name, "The app's name; the audience of its tokens").home_default("app"),
    key("app.public_url", Kind::BaseUrl, "Where people reach it: the only base for links that leave the server. Development and testing follow server.listen")
        .required()
        .example("https://notes.example.com"),
    key("server.listen", Kind::Address, "Where to listen; `PORT` replaces the port alone").default("127.0.0.1:8080"),
    key("server.admin_listen", Kind::Address, "Where metrics are served").default("127.0.0.1:9080"),
    key("server.trusted_proxies", Kind::Networks, "Proxies whose forwarded headers are believed").default(""),
    key("server.docs", Kind::Choice(&["public", "administrators"], &[]), "Who may read /docs and /openapi.json")
        .defaults("public", "administrators"),
    key("server.body_limit", Kind::Int(1024, 1 << 30), "Largest request body, in bytes").default("1048576"),
    key("server.request_timeout", Kind::Duration, "How long one request may take").default("30s"),
    key("server.drain_timeout", Kind::Duration, "How long running requests may finish when the server stops").default("20s"),
    key("server.max_connections", Kind::Int(1, 1_000_000), "Open connections at most").default("10000"),
    key("database.url", Kind::DatabaseUrl, "The database: `sqlite:PATH` or `postgres://...`")
        .home_default("sqlite:data/app.db")
        .well_known("DATABASE_URL")
        .secret(),
    key("database.pool.min", Kind::Int(0, 1000), "Connections kept open (PostgreSQL)").default("5"),
    key("database.pool.max", Kind::Int(1, 1000), "Connections at most (PostgreSQL)").default("20"),
    key("database.queue", Kind::Int(1, 1_000_000), "Calls that may wait for the database; one more is answered 503").default("4096"),
    key("database.wait", Kind::Duration, "How long a call may wait for the database").default("5s"),
    key("database.statement_timeout", Kind::Duration, "How long one statement may run").default("10s"),
    key("database.replicas", Kind::DatabaseUrls, "Standbys of the primary (PostgreSQL), which answer reads of records")
        .default("")
        .secret(),
    key("database.replica_max_lag", Kind::Duration, "How old what a replica shows may be").default("5s"),
    key("database.slow_query", Kind::DurationOrOff, "A statement that takes so long is logged with its plan, without its values").default("200ms"),
    key("database.tls_ca", Kind::Path, "PEM file of authorities that may vouch for PostgreSQL, besides the public ones")
        .example("certificates/database-ca.pem"),
    key("redis.url", Kind::Url(&["redis://", "rediss://"]), "Shared state between nodes; absent: everything in process")
        .well_known("REDIS_URL")
        .secret()
        .example("redis://127.0.0.1:6379"),
    key("cors.origins", Kind::Origins, "Web origins whose pages may call; development adds http://localhost:3000 and :3001")
        .default(""),
    key("auth.registration", Kind::Choice(&["open", "verify_first", "invite", "closed"], &[]), "Who may create an account")
        .default("open"),
    key("auth.access_ttl", Kind::Duration, "How long an access token is valid").default("1h"),
    key("auth.refresh_ttl", Kind::Duration, "How long a session lives without being used").default("7d"),
    key("auth.session_max", Kind::Duration, "How long a session lives at most, however much it is used; it cannot be switched off").default("30d"),
    key("auth.require_mfa", Kind::Roles, "Roles that nobody holds without a second factor").default(""),
    key("auth.password_min_length", Kind::Int(8, 128), "Shortest password of an account without a second factor, in characters; with one 8 are enough").default("15"),
    key("auth.breached_passwords", Kind::Url(&["https://", "http://"]), "Service that new passwords are looked up in by the first five digits of their SHA-1")
        .example("https://api.pwnedpasswords.com/range"),
    key("auth.geo_database", Kind::Path, "Database of cities in the MaxMind format, by which log-ins from places too far apart are told")
        .example("GeoLite2-City.mmdb"),
    key("auth.on_suspicion", Kind::Choice(&["tell", "step_up"], &[]), "What becomes of a log-in that is out of the ordinary: its owner is told, or it also wants a second factor")
        .default("tell"),
    key("auth.pages.verify", Kind::Url(&["https://", "http://"]), "The app's page for links that prove an address; absent: one that Hardpan serves, as for the next three")
        .example("https://notes.example.com/verify"),
    key("auth.pages.reset", Kind::Url(&["https://", "http://"]), "The app's page for links that set a password")
        .example("https://notes.example.com/reset"),
    key("auth.pages.undo", Kind::Url(&["https://", "http://"]), "The app's page for links that undo a change of address")
        .example("https://notes.example.com/undo"),
    key("auth.pages.invitation", Kind::Url(&["https://", "http://"]), "The app's page for links that accept an invitation")
        .example("https://notes.example.com/invitation"),
    key("oauth.redirects", Kind::Links, "Where log-ins with providers may lead, each in full, besides the root of app.public_url")
        .default(""),
    key("oauth.google.client_id", Kind::Text, "Log-in with Google: the client's id")
        .well_known("GOOGLE_CLIENT_ID")
        .example("1234.apps.googleusercontent.com"),
    key("oauth.google.client_secret", Kind::Text, "Its secret").well_known("GOOGLE_CLIENT_SECRET").secret().example("secret"),
    key("oauth.github.client_id", Kind::Text, "Log-in with GitHub: the client's id").well_known("GITHUB_CLIENT_ID").example("Ov23li0"),
    key("oauth.github.client_secret", Kind::Text, "Its secret").well_known("GITHUB_CLIENT_SECRET").secret().example("secret"),
    key("oauth.github.url", Kind::BaseUrl, "GitHub, or an Enterprise server of one's own").default("https://github.com"),
    key("oauth.linkedin.client_id", Kind::Text, "Log-in with LinkedIn: the client's id").well_known("LINKEDIN_CLIENT_ID").example("86abc"),
    key("oauth.linkedin.client_secret", Kind::Text, "Its secret").well_known("LINKEDIN_CLIENT_SECRET").secret().example("secret"),
    key("oauth.microsoft.client_id", Kind::Text, "Log-in with Microsoft: the client's id")
        .well_known("MICROSOFT_CLIENT_ID")
        .example("11111111-2222-3333-4444-555555555555"),
    key("oauth.microsoft.client_secret", Kind::Text, "Its secret").well_known("MICROSOFT_CLIENT_SECRET").secret().example("secret"),
    key("oauth.microsoft.tenant", Kind::Text, "The id of the one tenant whose people may come, or common, organizations, consumers")
        .well_known("MICROSOFT_TENANT_ID")
        .default("common"),
    key("limits.enabled", Kind::Bool, "Rate limits; staging and production refuse false").default("true"),
    key("limits.address.burst", Kind::Int(1, MANY), "Requests an address may make at once").default("600"),
    key("limits.address.per_minute", Kind::Int(1, MANY), "Requests a minute and address after that").default("6000"),
    key("limits.principal.burst", Kind::Int(1, MANY), "Requests an account may make at once").default("300"),
    key("limits.principal.per_minute", Kind::Int(1, MANY), "Requests a minute and account after that").default("3000"),
    key("limits.credentials.burst", Kind::Int(1, MANY), "Tries of a password or code an address may make at once").default("20"),
    key("limits.credentials.per_minute", Kind::Int(1, MANY), "Tries a minute and address after that").default("30"),
    key("limits.account.burst", Kind::Int(1, MANY), "Wrong passwords and codes an account may see at once, wherever from").default("10"),
    key("limits.account.per_minute", Kind::Int(1, MANY), "Wrong ones a minute and account after that").default("1"),
    key("mail.url", Kind::Url(&["log:", "file:", "smtp://", "smtps://"]), "How mail leaves; `log:` writes it to the log")
        .default("log:")
        .secret(),
    key("mail.from", Kind::Mailbox, "Who mail is from; absent: no-reply at the host of app.public_url")
        .example("Notes <no-reply@notes.example.com>"),
    key("mail.templates", Kind::Path, "Folder with files that take the place of the built-in templates")
        .example("templates/mail"),
    key("mail.tls_ca", Kind::Path, "PEM file of authorities that may vouch for the mail server, besides the public ones")
        .example("certificates/mail-ca.pem"),
    key("sms.url", Kind::Url(&["log:", "https://", "http://"]), "How SMS leave: Twilio's API; `log:` writes them to the log")
        .defaults("log:", "https://api.twilio.com"),
    key("sms.account_sid", Kind::Text, "The account at Twilio; without it no SMS are sent")
        .well_known("TWILIO_ACCOUNT_SID")
        .example("AC00000000000000000000000000000000"),
    key("sms.auth_token", Kind::Text, "The account's token").well_known("TWILIO_AUTH_TOKEN").secret().example("secret"),
    key("sms.from", Kind::Text, "A telephone number of the account's, or a messaging service")
        .well_known("TWILIO_FROM")
        .example("+15550000000"),
    key("outbound.allow", Kind::Networks, "Networks that the server may call although they are not public, also without TLS")
        .default(""),
    key("log.level", Kind::LogLevel, "What is logged").default("info"),
    key("log.format", Kind::Choice(&["json", "text"], &[]), "How the log is written").defaults("text", "json"),
];

/// The key at `path`.
pub fn find(path: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.path == path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_and_example_fits_its_kind() {
        for key in KEYS {
            let defaults = [key.defaults.0, key.defaults.1].into_iter().flatten();
            for text in defaults.chain(Some(key.example).filter(|text| !text.is_empty())) {
                assert!(key.kind.read_text(text).is_ok(), "{} {text}", key.path);
            }
            assert!(key.defaults.0.is_some() || !key.example.is_empty(), "{} shows no value", key.path);
        }
    }

    #[test]
    fn paths_are_unique_and_grouped_by_section() {
        let mut sections: Vec<_> = KEYS.iter().map(Key::section).collect();
        sections.dedup();
        let mut unique = sections.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(sections.len(), unique.len());
        for key in KEYS {
            assert_eq!(KEYS.iter().filter(|other| other.path == key.path).count(), 1, "{}", key.path);
        }
    }

    #[test]
    fn variables_follow_the_path() {
        assert_eq!(find("database.pool.max").map(Key::variable).as_deref(), Some("HARDPAN_DATABASE__POOL__MAX"));
    }
}
