//! Database URLs: the spellings of other stacks become the two that `store` opens.
use std::path::{Path, PathBuf};

use super::kind::Fault;

/// Checks the scheme and drops the driver's name: `postgresql+asyncpg://` becomes `postgres://`.
///
/// `SQLite` paths are read as SQLAlchemy reads them: `sqlite:///x` is relative, `sqlite:////x` and `sqlite:/x` are absolute;
/// parameters behind them are for other drivers and dropped. asyncpg's `ssl` becomes the usual `sslmode`.
pub fn read(text: &str) -> Result<String, Fault> {
    let (scheme, rest) = text.split_once(':').unwrap_or(("", text));
    match scheme.split_once('+').map_or(scheme, |(engine, _)| engine) {
        "sqlite" => {
            let path = rest.strip_prefix("//").map_or(rest, |rest| rest.strip_prefix('/').unwrap_or(rest));
            let path = path.split_once('?').map_or(path, |(path, _)| path);
            if path.is_empty() || path.ends_with('/') {
                return Err("names no SQLite file".into());
            }
            Ok(format!("sqlite:{path}"))
        }
        "postgres" | "postgresql" if rest.starts_with("//") => {
            let Some((place, query)) = rest.split_once('?') else { return Ok(format!("postgres:{rest}")) };
            let query: Vec<_> = query.split('&').map(sslmode).collect();
            Ok(format!("postgres:{place}?{}", query.join("&")))
        }
        _ => Err("begins with neither sqlite: nor postgres://".into()),
    }
}

fn sslmode(pair: &str) -> String {
    match pair.strip_prefix("ssl=") {
        Some("true") => "sslmode=require".to_owned(),
        Some("false") => "sslmode=disable".to_owned(),
        Some(mode) => format!("sslmode={mode}"),
        None => pair.to_owned(),
    }
}

/// The file of an `SQLite` URL that [`read`] gave, relative ones below `dir`; `None` for PostgreSQL and for memory.
pub fn sqlite_file(url: &str, dir: &Path) -> Option<PathBuf> {
    let path = url.strip_prefix("sqlite:").filter(|path| *path != MEMORY)?;
    // `./` would only make the paths shown to people longer.
    Some(dir.join(path.strip_prefix("./").unwrap_or(path)))
}

const MEMORY: &str = ":memory:";

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
            ("sqlite::memory:", "sqlite::memory:"),
            ("postgres://db/a", "postgres://db/a"),
            ("postgresql://u:p@db/a?sslmode=require", "postgres://u:p@db/a?sslmode=require"),
            ("postgresql+asyncpg://db/a", "postgres://db/a"),
            ("postgresql+asyncpg://db/a?x=1&ssl=true", "postgres://db/a?x=1&sslmode=require"),
            ("postgresql+psycopg2://db/a", "postgres://db/a"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(expected), "{text}");
        }
        for text in ["", "a.db", "sqlite:", "sqlite://", "sqlite:data/", "mysql://db/a", "postgres:db"] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn relative_files_lie_below_the_app() {
        let dir = Path::new("/srv/app");
        assert_eq!(sqlite_file("sqlite:./data/a.db", dir), Some("/srv/app/data/a.db".into()));
        assert_eq!(sqlite_file("sqlite:/var/a.db", dir), Some("/var/a.db".into()));
        assert_eq!(sqlite_file("sqlite::memory:", dir), None);
        assert_eq!(sqlite_file("postgres://db/a", dir), None);
    }
}
