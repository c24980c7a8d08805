//! Whatever the audit trail and the security log may say stands on the page about it.
use std::collections::HashSet;

use super::{
    Problem, Repository,
    source::{Literal, Source},
};

/// Where whoever watches a server looks names up.
pub(super) const PAGE: &str = "docs/security-events.md";

pub(super) fn check(repository: &Repository) -> Vec<Problem> {
    let rows = repository.events.lines().filter_map(|line| line.strip_prefix('|')?.split('|').next());
    let listed: HashSet<&str> = rows.flat_map(|names| names.split('`').skip(1).step_by(2)).collect();
    let mut problems = Vec::new();
    for source in &repository.sources {
        for (at, name) in actions(source).chain(events(source)).filter(|(at, _)| !source.is_test(*at)) {
            let why = match name {
                None => "write the name of the event out here, so that it is found".to_owned(),
                Some(name) if !listed.contains(name) => format!("`{name}` is missing in {PAGE}"),
                Some(_) => continue,
            };
            problems.push(Problem::new(&source.path, source.line(at), why));
        }
    }
    problems
}

/// Of rows of the audit trail: where each is made, and its action.
fn actions(source: &Source) -> impl Iterator<Item = (usize, Option<&str>)> {
    let call = "Entry::new";
    source.words(call).map(move |at| (at, literal(source, at + call.len() + 1)))
}

/// Of lines of the security log: where each is written, and its event.
fn events(source: &Source) -> impl Iterator<Item = (usize, Option<&str>)> {
    let is_target = |literal: &&Literal| literal.text == "security" && source.code[..literal.at].ends_with("target: ");
    source.literals.iter().filter(is_target).map(|target| {
        let (line, field) = (&source.code[target.at..], "event = ");
        let line = &line[..line.find(';').unwrap_or(line.len())];
        (target.at, line.find(field).and_then(|found| literal(source, target.at + found + field.len())))
    })
}

/// The string that stands at `at`, or after white space.
fn literal(source: &Source, at: usize) -> Option<&str> {
    let rest = &source.text[at..];
    let at = at + rest.len() - rest.trim_start().len();
    source.literals.iter().find(|literal| literal.at == at).map(|literal| literal.text.as_str())
}

#[cfg(test)]
mod tests {
    use super::super::found;
    use super::*;

    const LISTED: (&str, &str) =
        (PAGE, "`login.odd` is no row\n| `login.failed`, `login_failed` | user | `login_odd` |\n");

    #[test]
    fn events_that_are_not_listed_are_told() {
        for (text, line) in [
            ("fn f() { Entry::new(\"login.odd\", \"user\", id) }", 1),
            ("fn f() {\n    audit::Entry::new(\n        \"login.odd\", \"user\", id) }", 2),
            ("fn f() { warn!(target: \"security\", address,\n    event = \"login_odd\", \"a; b\"); }", 1),
            // Part of a name is no name.
            ("fn f() { Entry::new(\"login\", \"user\", id) }", 1),
            // What is not written out cannot be looked up.
            ("fn f() { Entry::new(action, \"user\", \"login.failed\") }", 1),
            ("fn f() { warn!(target: \"security\", event, \"a\"); warn!(event = \"login_failed\"); }", 1),
        ] {
            let told = found(check, &[LISTED, ("crates/web/src/a.rs", text)]);
            assert_eq!(told, [format!("crates/web/src/a.rs:{line}")], "{text}");
        }
    }

    #[test]
    fn listed_events_tests_and_other_lines_are_free() {
        for text in [
            "fn f() { Entry::new(\"login.failed\", \"user\", id) }",
            "fn f() { warn!(target: \"security\", event = \"login_failed\", \"a\"); }",
            "fn f() { warn!(target: \"other\", event = \"login_odd\"); MyEntry::new(\"a\"); } // Entry::new(\"b\")",
            "#[cfg(test)]\nmod tests { fn f() { Entry::new(\"login.odd\") } }",
        ] {
            assert!(found(check, &[LISTED, ("crates/web/src/a.rs", text)]).is_empty(), "{text}");
        }
    }
}
