//! Only the data layer names a driver.
use super::{Problem, Repository, direction};

const DRIVERS: [&str; 6] =
    ["rusqlite", "libsqlite3_sys", "tokio_postgres", "tokio_postgres_rustls", "deadpool", "deadpool_postgres"];
const HOMES: [&str; 2] = ["crates/store/", "crates/testkit/"];

pub(super) fn check(repository: &Repository) -> Vec<Problem> {
    let is_at_home = |path: &str| HOMES.iter().any(|home| path.starts_with(home));
    let why = |driver: &str| format!("{driver} is a database driver; ask `store` for what is needed");
    let mut problems = Vec::new();
    for source in repository.sources.iter().filter(|source| !is_at_home(&source.path)) {
        for driver in DRIVERS {
            problems.extend(source.words(driver).map(|at| Problem::new(&source.path, source.line(at), why(driver))));
        }
    }
    for manifest in repository.manifests.iter().filter(|manifest| !is_at_home(&manifest.path)) {
        for dependency in direction::dependencies(&manifest.text) {
            let name = dependency.key.replace('-', "_");
            if DRIVERS.contains(&name.as_str()) {
                problems.push(Problem::new(&manifest.path, dependency.line, why(dependency.key)));
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::super::found;
    use super::*;

    #[test]
    fn drivers_stay_at_home() {
        let files = [
            ("crates/store/src/a.rs", "use rusqlite::Connection;"),
            ("crates/testkit/src/a.rs", "use tokio_postgres::NoTls;"),
            ("crates/web/src/a.rs", "// rusqlite\nlet a = \"rusqlite\";\nuse my_rusqlite::a;"),
            ("crates/web/src/b.rs", "\nuse rusqlite::Connection;"),
            ("crates/hardpan/tests/c.rs", "fn f() { deadpool_postgres::Pool::new() }"),
            ("crates/web/Cargo.toml", "[dependencies]\ntokio-postgres.workspace = true\n"),
        ];
        assert_eq!(
            found(check, &files),
            ["crates/web/src/b.rs:2", "crates/hardpan/tests/c.rs:1", "crates/web/Cargo.toml:2"]
        );
    }
}
