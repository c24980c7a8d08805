//! What differs between the engines' SQL, in one place.
use kernel::{Code, Error, Result};

/// Which engine a database runs on. Rules never ask; migrations and generated tables do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    /// The engine a URL names: `sqlite:`, `sqlite+aiosqlite:`, `postgres:`, `postgresql:`, `postgresql+asyncpg:` and their like.
    pub fn of_url(url: &str) -> Result<Self> {
        let scheme = url.split_once(':').map_or("", |(scheme, _)| scheme);
        match scheme.split_once('+').map_or(scheme, |(engine, _)| engine) {
            "sqlite" => Ok(Self::Sqlite),
            "postgres" | "postgresql" => Ok(Self::Postgres),
            _ => Err(Error::new(Code::Internal).with_detail("a database URL begins with sqlite: or postgres:")),
        }
    }

    /// As labels and answers call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgresql",
        }
    }

    /// Ends a SELECT of rows that are to be changed, but for those that somebody else is changing. SQLite has one writer.
    pub const fn skip_locked(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => "FOR UPDATE SKIP LOCKED",
        }
    }

    /// `sql` with its type placeholders filled: `{id} {int} {float} {time} {bool} {bytes} {json} {text} {strict}`.
    pub fn fill(self, sql: &str) -> String {
        // `C` makes PostgreSQL order text by code point, as SQLite does.
        let types: [(&str, &str); 9] = match self {
            Self::Sqlite => [
                ("{id}", "BLOB"),
                ("{int}", "INTEGER"),
                ("{float}", "REAL"),
                ("{time}", "INTEGER"),
                ("{bool}", "INTEGER"),
                ("{bytes}", "BLOB"),
                ("{json}", "TEXT"),
                ("{text}", "TEXT"),
                ("{strict}", "STRICT, WITHOUT ROWID"),
            ],
            Self::Postgres => [
                ("{id}", "uuid"),
                ("{int}", "bigint"),
                ("{float}", "double precision"),
                ("{time}", "bigint"),
                ("{bool}", "boolean"),
                ("{bytes}", "bytea"),
                ("{json}", "json"),
                ("{text}", "text COLLATE \"C\""),
                ("{strict}", ""),
            ],
        };
        types.iter().fold(sql.to_owned(), |sql, (name, filling)| sql.replace(name, filling))
    }
}
