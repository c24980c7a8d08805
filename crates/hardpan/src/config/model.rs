//! The configuration as the rest of the program sees it: plain values, read, checked and complete.
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use identity::{OnSuspicion, Pages};
use ipnet::IpNet;
use kernel::{Random, Result, Secret};
use platform::notifications::{MailUrl, Mailbox};

use super::{database_url, kept_key, master_key::MasterKey, profile::Profile};

/// A configuration in which nothing is wrong.
#[derive(Clone, Debug)]
pub struct Config {
    pub profile: Profile,
    /// The app's folder, absolute.
    pub dir: PathBuf,
    /// Where keys and other files of the server's own lie: beside the `SQLite` file, else `data` in the app's folder.
    pub data_dir: PathBuf,
    pub app: App,
    pub server: Server,
    pub database: Database,
    pub redis: Redis,
    pub cors: Cors,
    pub auth: Auth,
    pub oauth: Oauth,
    pub limits: Limits,
    pub mail: Mail,
    pub sms: Sms,
    pub outbound: Outbound,
    pub log: Log,
    /// From the environment; never `None` in staging and production. [`Config::master_key`] has one everywhere.
    pub given_master_key: Option<MasterKey>,
    pub previous_master_key: Option<MasterKey>,
}

#[derive(Clone, Debug)]
pub struct App {
    pub name: String,
    /// Scheme, host and port; no slash at the end.
    pub public_url: String,
}

#[derive(Clone, Debug)]
pub struct Server {
    pub listen: SocketAddr,
    pub admin_listen: SocketAddr,
    /// Whether someone chose `admin_listen`: its default gives way when it is taken.
    pub is_admin_listen_chosen: bool,
    pub trusted_proxies: Vec<IpNet>,
    pub has_public_docs: bool,
    /// Bytes.
    pub body_limit: usize,
    pub request_timeout: Duration,
    pub drain_timeout: Duration,
    pub max_connections: usize,
}

#[derive(Clone, Debug)]
pub struct Database {
    /// `sqlite:/absolute/path` or `postgres://...`.
    pub url: Secret<String>,
    pub pool_min: usize,
    pub pool_max: usize,
    pub queue: usize,
    pub wait: Duration,
    pub statement_timeout: Duration,
    /// `postgres://...`, each a standby of `url`.
    pub replicas: Vec<Secret<String>>,
    pub replica_max_lag: Duration,
    /// `None`: slow statements are not logged.
    pub slow_query: Option<Duration>,
    /// Absolute.
    pub tls_ca: Option<PathBuf>,
}

#[derive(Clone, Debug)]
pub struct Redis {
    pub url: Option<Secret<String>>,
}

#[derive(Clone, Debug)]
pub struct Cors {
    /// As browsers send them; never a wildcard.
    pub origins: Vec<String>,
}

#[derive(Clone, Debug)]
pub struct Auth {
    pub registration: Registration,
    pub access_ttl: Duration,
    /// How long a session lives unused.
    pub refresh_ttl: Duration,
    /// How long it lives at most.
    pub session_max: Duration,
    /// Roles that are held with a second factor alone.
    pub require_mfa: Vec<String>,
    /// Characters.
    pub password_min_length: usize,
    /// Of a service with the range API of Have I Been Pwned.
    pub breached_passwords: Option<String>,
    /// Knows where addresses are.
    pub geo_database: Option<PathBuf>,
    pub on_suspicion: OnSuspicion,
    /// Where mailed links lead.
    pub pages: Pages,
}

/// Log-in with providers.
#[derive(Clone, Debug)]
pub struct Oauth {
    /// Whole URLs.
    pub redirects: Vec<String>,
    pub providers: Vec<Provider>,
}

#[derive(Clone, Debug)]
pub struct Provider {
    pub name: String,
    /// The issuer, the tenant at Microsoft, or where GitHub is.
    pub place: String,
    pub client_id: String,
    pub client_secret: Option<Secret<String>>,
}

/// Who may create an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    Open,
    VerifyFirst,
    Invite,
    Closed,
}

#[derive(Clone, Debug)]
pub struct Limits {
    pub is_enabled: bool,
    pub address: Rate,
    pub principal: Rate,
    pub credentials: Rate,
    pub account: Rate,
}

/// So many at once, and so many a minute after that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    pub burst: u32,
    pub per_minute: u32,
}

#[derive(Clone, Debug)]
pub struct Mail {
    pub url: MailUrl,
    pub from: Option<Mailbox>,
    /// Absolute, as the next.
    pub templates: Option<PathBuf>,
    pub tls_ca: Option<PathBuf>,
}

/// How short messages leave.
#[derive(Clone, Debug)]
pub enum Sms {
    /// Nothing was configured.
    None,
    Log,
    Twilio(Twilio),
}

#[derive(Clone, Debug)]
pub struct Twilio {
    /// No slash at the end.
    pub base: String,
    pub account_sid: String,
    pub auth_token: Secret<String>,
    pub from: String,
}

#[derive(Clone, Debug)]
pub struct Outbound {
    /// Networks that may be called although they are not public.
    pub allow: Vec<IpNet>,
}

#[derive(Clone, Debug)]
pub struct Log {
    /// A level, or a filter as `info,web=debug`.
    pub level: String,
    pub format: LogFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Json,
    Text,
}

impl Config {
    /// Where the database is, unless it is on a server.
    pub fn sqlite_file(&self) -> Option<PathBuf> {
        self.database.url.expose().strip_prefix("sqlite:").map(PathBuf::from)
    }

    /// The same app with another database, which has no replicas, spelled as in the app file; a relative file lies below `dir`.
    ///
    /// Errors: what is wrong with the URL.
    pub fn with_database(&self, url: &str, dir: &Path) -> std::result::Result<Self, String> {
        let url = database_url::read(url)?;
        let url = database_url::sqlite_file(&url, dir).map_or(url, |file| format!("sqlite:{}", file.display()));
        Ok(Self {
            database: Database { url: Secret::new(url), replicas: Vec::new(), ..self.database.clone() },
            ..self.clone()
        })
    }

    /// The master key: the environment's, or in development and testing the one kept in the data folder, made when missing.
    ///
    /// Errors: internal, when the kept one cannot be read or made, or is open to others.
    pub fn master_key(&self, random: &dyn Random) -> Result<MasterKey> {
        match &self.given_master_key {
            Some(key) => Ok(key.clone()),
            None => kept_key::read_or_make(&self.data_dir, random),
        }
    }

    /// The master key where there is one already. Errors: internal, when the kept one cannot be read, or is open to others.
    pub fn existing_master_key(&self) -> Result<Option<MasterKey>> {
        match &self.given_master_key {
            Some(key) => Ok(Some(key.clone())),
            None => kept_key::read_if_any(&self.data_dir),
        }
    }
}
