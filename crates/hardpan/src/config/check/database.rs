//! The database: its pool, its password, and the way there.
use std::{fs::File, time::Duration};

use super::Subject;
use crate::config::{
    database_url,
    finding::{Finding, Level},
    url::{self, Url},
};

const URL: &str = "database.url";
const REPLICAS: &str = "database.replicas";
const MAX_LAG: &str = "database.replica_max_lag";
const AUTHORITY: &str = "database.tls_ca";

/// Passwords that images, tutorials and templates set.
const DEFAULTS: [&str; 14] = [
    "postgres",
    "postgresql",
    "password",
    "passw0rd",
    "pass",
    "admin",
    "root",
    "user",
    "secret",
    "changeme",
    "example",
    "test",
    "hardpan",
    "123456",
];

pub fn check(subject: Subject<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let settings = subject.settings;
    let bounds = (settings.int::<u64>("database.pool.min"), settings.int::<u64>("database.pool.max"));
    if let (Some(least), Some(most)) = bounds
        && least > most
    {
        let reason = format!("is {least}, more than database.pool.max ({most})");
        findings.push(Finding::error("database.pool.min", reason, "make it at most database.pool.max"));
    }
    if let Some(path) = settings.text(AUTHORITY).map(|path| subject.dir.join(path))
        && let Err(error) = File::open(&path)
    {
        let reason = format!("names {}, which cannot be read: {error}", path.display());
        findings.push(Finding::error(AUTHORITY, reason, "name a PEM file that this user may read"));
    }
    let replicas = settings.list(REPLICAS).unwrap_or_default();
    findings.extend(replication(subject, replicas));
    if subject.profile.is_exposed() {
        let primary = settings.text(URL).map(|url| (URL, url));
        let replicas = replicas.iter().map(|url| (REPLICAS, url.as_str()));
        for (key, url) in primary.into_iter().chain(replicas) {
            let Some(url) = Url::split(url) else { continue };
            findings.extend(password(key, url));
            findings.extend(transport(key, url, settings.text(AUTHORITY).is_some()));
        }
    }
    findings
}

/// Replicas are PostgreSQL's, and are asked five times a second how far they are.
fn replication(subject: Subject<'_>, replicas: &[String]) -> Vec<Finding> {
    let is_sqlite = |url: &str| url.starts_with("sqlite:");
    let mut findings = Vec::new();
    if replicas.is_empty() {
        return findings;
    }
    if subject.settings.text(URL).is_some_and(is_sqlite) {
        let fix = "remove it, or name a PostgreSQL primary in database.url";
        findings.push(Finding::error(REPLICAS, "is set, and an SQLite database has no replicas", fix));
    } else if replicas.iter().any(|url| is_sqlite(url)) {
        let fix = "name standbys of the primary, as postgres://user:password@replica:5432/database";
        findings.push(Finding::error(REPLICAS, "names an SQLite database, which is no replica", fix));
    }
    if subject.settings.duration(MAX_LAG).is_some_and(|lag| lag < Duration::from_secs(1)) {
        let reason = "is shorter than a second, and how far replicas are is known a few times a second";
        findings.push(Finding::error(MAX_LAG, reason, "make it 1s or longer"));
    }
    findings
}

fn password(key: &str, url: Url<'_>) -> Option<Finding> {
    if is_socket(url) {
        return None;
    }
    let user = url.user.or(url.parameter("user")).unwrap_or_default();
    let password = url.password.or(url.parameter("password")).unwrap_or_default().to_ascii_lowercase();
    let fault = if password.is_empty() {
        "has no password"
    } else if DEFAULTS.contains(&password.as_str()) || password == user.to_ascii_lowercase() {
        "has a password that everyone tries first"
    } else {
        return None;
    };
    let name = if key == URL { "DATABASE_URL" } else { "HARDPAN_DATABASE__REPLICAS" };
    let fix = format!("give the database user a random password, and set it here by {name} or {name}_FILE");
    // On this machine the server's own rules (trust, peer) may be what guards it.
    let level = if is_local(url) { Level::Warning } else { Level::Error };
    Some(Finding::new(level, key, fault, fix))
}

/// Every host must be this machine, or the connection be encrypted for certain.
fn transport(key: &str, url: Url<'_>, has_own_authority: bool) -> Option<Finding> {
    let is_encrypted = match database_url::tls_mode(url) {
        Some(mode) => matches!(mode, "require" | "true" | "verify-ca" | "verify-full"),
        // Whoever names an authority means TLS.
        None => has_own_authority,
    };
    if is_encrypted || is_local(url) {
        return None;
    }
    let reason = "leads to another machine and does not insist on TLS: records and the password may travel readable";
    Some(Finding::warning(key, reason, "add ?sslmode=require to it"))
}

fn is_local(url: Url<'_>) -> bool {
    let hosts = if url.host.is_empty() { url.parameter("host").unwrap_or_default() } else { url.host };
    is_socket(url) || (!hosts.is_empty() && hosts.split(',').all(url::is_loopback))
}

/// Local sockets check the user by themselves.
fn is_socket(url: Url<'_>) -> bool {
    let host = if url.host.is_empty() { url.parameter("host").unwrap_or("/") } else { url.host };
    host.starts_with('/') || host.starts_with("%2F") || host.starts_with("%2f")
}
