//! SQL stands in stores.
use super::{Problem, Repository, source::Source};

const VERBS: [&str; 7] = ["SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "ALTER", "DROP"];

pub(super) fn check(repository: &Repository) -> Vec<Problem> {
    let mut problems = Vec::new();
    for source in repository.sources.iter().filter(|source| !is_home(source)) {
        for literal in source.literals.iter().filter(|literal| !source.is_test(literal.at)) {
            if is_sql(&literal.text) {
                let why = "SQL belongs into the slice's store.rs";
                problems.push(Problem::new(&source.path, source.line(literal.at), why));
            }
        }
    }
    problems
}

/// A file `store.rs`, a folder `store` (the data layer's crate is one), and the kit of the tests.
fn is_home(source: &Source) -> bool {
    source.path.starts_with("crates/testkit/")
        || source.path.split('/').any(|part| matches!(part, "store" | "store.rs"))
}

fn is_sql(literal: &str) -> bool {
    // A backslash at the end of the first line joins it with the next.
    let text = literal.trim_start_matches(['\\', '\n', ' ']);
    VERBS.iter().any(|verb| text.strip_prefix(verb).is_some_and(|rest| rest.starts_with([' ', '\n', '\\'])))
}

#[cfg(test)]
mod tests {
    use super::super::found;
    use super::*;

    #[test]
    fn sql_outside_of_stores_is_told() {
        for text in [
            "fn f() { g(\"SELECT 1\") }",
            "const A: &str = \"\n    DELETE FROM a\";",
            "const A: &str = r#\"CREATE TABLE \"a\" (b int)\"#;",
            "const A: &str = \"UPDATE\\n a SET b = 1\";",
        ] {
            assert_eq!(found(check, &[("crates/web/src/a.rs", text)]), ["crates/web/src/a.rs:1"], "{text}");
        }
    }

    #[test]
    fn stores_tests_and_plain_words_are_free() {
        let sql = "fn f() { g(\"SELECT 1\") }";
        let in_tests = format!("#[cfg(test)]\nmod tests {{ {sql} }}");
        for (path, text) in [
            ("crates/store/src/a.rs", sql),
            ("crates/identity/src/api_keys/store.rs", sql),
            ("crates/identity/src/accounts/store/search.rs", sql),
            ("crates/testkit/src/a.rs", sql),
            ("crates/hardpan/tests/a.rs", sql),
            ("crates/web/src/a.rs", &in_tests),
            (
                "crates/web/src/b.rs",
                "// \"SELECT 1\"\nlet a = \"SELECTED\"; let b = \"Update it\"; let c = \"DELETE\";",
            ),
        ] {
            assert!(found(check, &[(path, text)]).is_empty(), "{path}: {text}");
        }
    }
}
