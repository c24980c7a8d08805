//! From the URL an operator wrote to the driver's configuration.
use std::{net::IpAddr, time::Duration};

use kernel::{Code, Error, Result};
use tokio_postgres::{
    Config,
    config::{Host, SslMode},
};

/// Reads `postgres://`, `postgresql://` and the `postgresql+DRIVER://` of `SQLAlchemy`. What the URL leaves open is set for a server:
/// short connection attempts and keepalives that notice a dead network within a minute.
pub(super) fn parse(url: &str, has_own_authority: bool) -> Result<Config> {
    let (_, rest) = url.split_once("://").ok_or_else(|| malformed("a PostgreSQL URL begins with postgres://"))?;
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let mut mode = None;
    let mut kept = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some(("sslmode" | "ssl", value)) => mode = Some(value),
            _ => kept.push(pair),
        }
    }
    // The driver's own message may quote the URL, which holds the password.
    let mut config: Config = format!("postgres://{place}?{}", kept.join("&"))
        .parse()
        .map_err(|_| malformed("the PostgreSQL URL is malformed or has an option that is not known"))?;
    config.ssl_mode(match mode {
        Some("disable" | "false") => SslMode::Disable,
        Some("allow" | "prefer") => SslMode::Prefer,
        // Certificates are always verified, so these are one.
        Some("require" | "verify-ca" | "verify-full" | "true") => SslMode::Require,
        Some(_) => return Err(malformed("sslmode is disable, prefer, require, verify-ca or verify-full")),
        None if has_own_authority => SslMode::Require,
        None if config.get_hosts().iter().all(is_this_machine) => SslMode::Disable,
        None => SslMode::Prefer,
    });
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(Duration::from_secs(3));
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(Duration::from_secs(30));
    }
    if config.get_application_name().is_none() {
        config.application_name("hardpan");
    }
    config.keepalives_idle(Duration::from_secs(30)).keepalives_interval(Duration::from_secs(10)).keepalives_retries(3);
    Ok(config)
}

/// Servers here often have a self-signed certificate, and nobody stands between.
fn is_this_machine(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()),
        #[cfg(unix)]
        Host::Unix(_) => true,
    }
}

fn malformed(why: &'static str) -> Error {
    Error::new(Code::Internal).with_detail(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spellings_of_other_stacks_are_understood() {
        for url in [
            "postgres://ann:pw@db.example/app",
            "postgresql://ann:pw@db.example/app",
            "postgresql+asyncpg://ann:pw@db.example/app?ssl=require",
            "postgresql+psycopg://ann:pw@db.example:5432/app?sslmode=verify-full",
        ] {
            let config = parse(url, false).ok();
            assert_eq!(config.as_ref().and_then(Config::get_dbname), Some("app"), "{url}");
            assert_eq!(config.as_ref().and_then(Config::get_user), Some("ann"), "{url}");
        }
    }

    #[test]
    fn tls_is_asked_for_by_the_url_the_authority_or_the_distance() {
        let mode =
            |url: &str, has_own_authority| parse(url, has_own_authority).ok().map(|config| config.get_ssl_mode());
        assert_eq!(mode("postgres://a@localhost/app", false), Some(SslMode::Disable));
        assert_eq!(mode("postgres://a@127.0.0.1/app", false), Some(SslMode::Disable));
        assert_eq!(mode("postgres://a@db.example/app", false), Some(SslMode::Prefer));
        assert_eq!(mode("postgres://a@localhost/app", true), Some(SslMode::Require));
        assert_eq!(mode("postgres://a@localhost/app?sslmode=verify-full", false), Some(SslMode::Require));
        assert_eq!(mode("postgres://a@db.example/app?sslmode=disable", true), Some(SslMode::Disable));
        assert_eq!(mode("postgres://a@db.example/app?sslmode=never", false), None);
    }

    #[test]
    fn a_malformed_url_does_not_show_its_password() {
        let error = parse("postgres://ann:hunter2@db.example/app?nonsense=1", false).err();
        assert!(error.is_some_and(|error| !format!("{error:?}").contains("hunter2")));
    }
}
