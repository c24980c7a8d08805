//! Database URLs: the spellings of other stacks become the two that `store` opens.
use std::path::{Path, PathBuf};

use super::{kind::Fault, url::Url};

/// Checks the URL and drops the driver's name: `postgresql+asyncpg://` becomes `postgres://`.
///
/// `SQLite` paths are read as `SQLAlchemy` reads them: `sqlite:///x` is relative, `sqlite:////x` and `sqlite:/x` are absolute.
pub fn read(text: &str) -> Result<String, Fault> {
    let (scheme, rest) = text.split_once(':').unwrap_or(("", text));
    match scheme.split_once('+').map_or(scheme, |(engine, _)| engine) {
        "sqlite" => read_sqlite(rest),
        "postgres" | "postgresql" if rest.starts_with("//") => read_postgres(format!("postgres:{rest}")),
        _ => Err("begins with neither sqlite: nor postgres://".into()),
    }
}

fn read_sqlite(rest: &str) -> Result<String, Fault> {
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let path = path.strip_prefix("//").map_or(path, |path| path.strip_prefix('/').unwrap_or(path));
    if path.is_empty() || path.ends_with('/') || path.starts_with("file:") {
        return Err("names no SQLite file".into());
    }
    if path.contains(":memory:") || query.contains("mode=memory") {
        return Err("names a database in memory, which is not served".into());
    }
    // What other stacks write and what is so anyway.
    let is_known = |pair: &str| matches!(pair, "" | "mode=rwc" | "mode=rw") || pair.starts_with("check_same_thread=");
    if query.split('&').all(is_known) {
        Ok(format!("sqlite:{path}"))
    } else {
        Err("has options SQLite is not given here".into())
    }
}

fn read_postgres(text: String) -> Result<String, Fault> {
    let Some(url) = Url::split(&text) else { return Err("is not a URL".into()) };
    let is_port = |port: &str| port.is_empty() || port.parse::<u16>().is_ok();
    if url.host.split(',').count() == 1 && !url.port.is_none_or(is_port) {
        return Err("has a port that is not a number up to 65535".into());
    }
    match tls_mode(url) {
        None | Some("disable" | "false" | "allow" | "prefer" | "require" | "true" | "verify-ca" | "verify-full") => {
            Ok(text)
        }
        Some(_) => Err("has an sslmode other than disable, prefer, require, verify-ca and verify-full".into()),
    }
}

/// What a PostgreSQL URL says of TLS; `ssl` is asyncpg's name for it.
pub fn tls_mode(url: Url<'_>) -> Option<&str> {
    url.parameter("sslmode").or(url.parameter("ssl"))
}

/// The file of an `SQLite` URL that [`read`] gave, relative ones below `dir`; `None` for PostgreSQL.
pub fn sqlite_file(url: &str, dir: &Path) -> Option<PathBuf> {
    let path = url.strip_prefix("sqlite:")?;
    // `./` would only make the paths shown to people longer.
    Some(dir.join(path.strip_prefix("./").unwrap_or(path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_other_stacks_are_understood() {
        for (text, expected) in [
            ("sqlite:data/a.db", "sqlite:data/a.db"),
            ("sqlite:/srv/a.db", "sqlite:/srv/a.db"),
            ("sqlite://data/a.db", "sqlite:data/a.db"),
            ("sqlite:///data/a.db", "sqlite:data/a.db"),
            ("sqlite:////srv/a.db", "sqlite:/srv/a.db"),
            ("sqlite+aiosqlite:///./a.db", "sqlite:./a.db"),
            ("sqlite:a.db?mode=rwc", "sqlite:a.db"),
            ("postgres://db/a", "postgres://db/a"),
            ("postgresql://u:p@db/a?sslmode=require", "postgres://u:p@db/a?sslmode=require"),
            ("postgresql+asyncpg://db/a", "postgres://db/a"),
            ("postgresql+asyncpg://db/a?ssl=require", "postgres://db/a?ssl=require"),
            ("postgresql+psycopg2://db/a", "postgres://db/a"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(expected), "{text}");
        }
        for text in [
            "",
            "a.db",
            "sqlite:",
            "sqlite://",
            "sqlite:data/",
            "mysql://db/a",
            "postgres:db",
            "sqlite::memory:",
            "sqlite:///:memory:",
            "sqlite:file:a.db",
            "sqlite:a?vfs=y",
            "sqlite:a?mode=memory",
            "postgres://db:port/a",
            "postgres://db/a?sslmode=maybe",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn relative_files_lie_below_the_app() {
        let dir = Path::new("/srv/app");
        assert_eq!(sqlite_file("sqlite:./data/a.db", dir), Some("/srv/app/data/a.db".into()));
        assert_eq!(sqlite_file("sqlite:/var/a.db", dir), Some("/var/a.db".into()));
        assert_eq!(sqlite_file("postgres://db/a", dir), None);
    }
}
