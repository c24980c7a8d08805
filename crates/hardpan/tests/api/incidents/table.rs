//! The table of incidents, held against the tests it names.
use std::{collections::BTreeSet, fs, path::Path};

use crate::binary::program::repository;

/// Whether `name` is a test of the file that `path` leads to.
fn is_test(path: &Path, name: &str) -> bool {
    let text = fs::read_to_string(path).unwrap_or_default();
    let Some(at) = text.find(&format!("fn {name}()")) else { return false };
    // Attributes and comments stand between a test's mark and its name.
    text[..at].rfind("test").is_some_and(|mark| at - mark < 300)
}

#[test]
fn every_test_that_the_table_of_incidents_names_is_there() {
    let table = fs::read_to_string(repository("docs/incidents.md")).unwrap();
    let (mut seen, mut missing) = (0, Vec::new());
    for quoted in table.split('`').skip(1).step_by(2).filter(|quoted| quoted.contains(".rs: ")) {
        let (file, names) = quoted.split_once(": ").unwrap();
        for name in names.split(", ") {
            seen += 1;
            if !is_test(&repository(file), name) {
                missing.push(format!("{file}: {name}"));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
    assert!(seen > 30, "only {seen} tests are named");
}

/// Whoever names an incident in a test finds it in the table, too.
#[test]
fn every_incident_that_a_test_names_is_in_the_table() {
    let table = fs::read_to_string(repository("docs/incidents.md")).unwrap();
    let mut named = BTreeSet::new();
    let mut folders =
        vec![repository("crates/hardpan/tests"), repository("crates/identity"), repository("crates/web/src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                named.extend(ids(&fs::read_to_string(path).unwrap()));
            }
        }
    }
    let missing: Vec<_> = named.iter().filter(|id| !table.contains(id.as_str())).collect();
    assert!(named.len() > 30 && missing.is_empty(), "{missing:?} of {named:?}");
}

/// `CVE-2026-28512`, `GHSA-g38m-r43w-p2q7`, `RUSTSEC-2026-0199`.
fn ids(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (prefix, lengths) in [("CVE-", &[4, 5][..]), ("GHSA-", &[4, 4, 4]), ("RUSTSEC-", &[4, 4])] {
        for (at, _) in text.match_indices(prefix) {
            let parts: Vec<&str> = text[at + prefix.len()..].splitn(lengths.len() + 1, '-').collect();
            let mut id = prefix.trim_end_matches('-').to_owned();
            let is_whole = lengths.iter().enumerate().all(|(nth, length)| {
                let part: String = parts.get(nth).unwrap_or(&"").chars().take(*length).collect();
                id.push('-');
                id.push_str(&part);
                part.len() == *length && part.chars().all(|symbol| symbol.is_ascii_alphanumeric())
            });
            if is_whole {
                found.push(id);
            }
        }
    }
    found
}
