//! The engines a task works with.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }

    /// What `--engine` names.
    pub fn parse(value: &str) -> Result<Vec<Self>, String> {
        match value {
            "sqlite" => Ok(vec![Self::Sqlite]),
            "postgres" => Ok(vec![Self::Postgres]),
            "both" => Ok(vec![Self::Sqlite, Self::Postgres]),
            _ => Err(format!("--engine wants sqlite, postgres or both, not {value:?}")),
        }
    }
}
