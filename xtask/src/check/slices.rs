//! Slices of a crate call earlier ones only, and never another's store.
use super::{Problem, Repository, source::Source};

pub(super) fn check(repository: &Repository) -> Vec<Problem> {
    let mut problems = Vec::new();
    for library in &repository.sources {
        let Some((name, "src/lib.rs")) = library.in_crate() else { continue };
        let slices = slices_of(library);
        for source in &repository.sources {
            if let Some((owner, path)) = source.in_crate()
                && owner == name
                && let Some(own) = slices.iter().position(|slice| is_of(path, slice))
            {
                check_source(source, &slices, own, &mut problems);
            }
        }
    }
    problems
}

fn check_source(source: &Source, slices: &[String], own: usize, problems: &mut Vec<Problem>) {
    for at in source.words("crate").filter(|at| !source.is_test(*at)) {
        let Some(tail) = source.code[at..].strip_prefix("crate").and_then(|tail| tail.trim_start().strip_prefix("::"))
        else {
            continue;
        };
        let mut paths = Vec::new();
        paths_of(tail, &mut Vec::new(), &mut paths);
        for path in paths {
            let Some(other) = path.first().and_then(|first| slices.iter().position(|slice| slice == first)) else {
                continue;
            };
            let (own_name, other_name) = (&slices[own], &slices[other]);
            let mut tell = |why| problems.push(Problem::new(&source.path, source.line(at), why));
            if other > own {
                tell(format!("{own_name} comes before {other_name} in SLICES and must not know it"));
            }
            if other != own && path.get(1).is_some_and(|second| second == "store") {
                tell(format!("the store of {other_name} is its own; call its service"));
            }
        }
    }
}

/// Whether a file of a crate belongs to `slice`.
fn is_of(path: &str, slice: &str) -> bool {
    let within = path.strip_prefix("src/").and_then(|path| path.strip_prefix(slice));
    within.is_some_and(|rest| rest.starts_with('/') || rest == ".rs")
}

/// The names in `pub const SLICES: [&str; N] = ["...", ...];`
fn slices_of(library: &Source) -> Vec<String> {
    let Some(start) = library.words("SLICES").next() else { return Vec::new() };
    let end = library.code[start..].find("];").map_or(start, |length| start + length);
    let within = library.literals.iter().filter(|literal| (start..end).contains(&literal.at));
    within.map(|literal| literal.text.clone()).collect()
}

/// The paths of a use tree or of an expression that begins at `code`, without `crate::`. Returns how much of `code` they take.
fn paths_of(code: &str, stem: &mut Vec<String>, paths: &mut Vec<Vec<String>>) -> usize {
    let trimmed = code.trim_start();
    let space = code.len() - trimmed.len();
    if let Some(group) = trimmed.strip_prefix('{') {
        let mut at = 0;
        loop {
            at += paths_of(&group[at..], &mut stem.clone(), paths);
            let rest = group[at..].trim_start();
            at = group.len() - rest.len();
            if !rest.starts_with(',') {
                return space + 1 + at + usize::from(rest.starts_with('}'));
            }
            at += 1;
        }
    }
    let length = trimmed.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'*')).count();
    if length == 0 {
        return space;
    }
    stem.push(trimmed[..length].to_owned());
    let rest = &trimmed[length..];
    if let Some(tail) = rest.trim_start().strip_prefix("::") {
        return space + length + (rest.len() - tail.len()) + paths_of(tail, stem, paths);
    }
    paths.push(std::mem::take(stem));
    // `use a as b` takes the alias along.
    let alias = rest.trim_start().strip_prefix("as ").map_or(0, |tail| {
        rest.len() - tail.len() + tail.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count()
    });
    space + length + alias
}

#[cfg(test)]
mod tests {
    use super::super::found;
    use super::*;

    const LIBRARY: (&str, &str) = (
        "crates/platform/src/lib.rs",
        "pub mod audit;\npub const SLICES: [&str; 3] = [\"audit\", \"jobs\", \"outbox\"];\n",
    );

    fn tell(text: &str) -> Vec<String> {
        found(check, &[LIBRARY, ("crates/platform/src/jobs/service.rs", text)])
    }

    #[test]
    fn earlier_slices_may_be_called_and_later_ones_not() {
        assert!(tell("use crate::{audit::{self, Entry}, jobs::model};\nfn f() { crate::audit::record() }").is_empty());
        for text in [
            "use crate::outbox;",
            "use crate::{audit, outbox::Event};",
            "use crate::{audit::{Entry as E, service}, outbox as o};",
            "use crate::{\n    audit,\n    outbox,\n};",
            "fn f() { crate::outbox::send() }",
            "use crate :: outbox;",
        ] {
            assert_eq!(tell(text), ["crates/platform/src/jobs/service.rs:1"], "{text}");
        }
        assert_eq!(tell("\n\nuse crate::outbox;"), ["crates/platform/src/jobs/service.rs:3"]);
    }

    #[test]
    fn the_store_of_another_slice_is_its_own() {
        assert!(tell("use crate::jobs::store;\nuse super::store;").is_empty());
        assert_eq!(tell("use crate::audit::store;"), ["crates/platform/src/jobs/service.rs:1"]);
        assert_eq!(tell("use crate::audit::{service, store::insert};"), ["crates/platform/src/jobs/service.rs:1"]);
    }

    #[test]
    fn tests_comments_and_strings_may_name_anything() {
        assert!(
            tell("// use crate::outbox;\nlet a = \"crate::outbox\";\n#[cfg(test)]\nmod tests { use crate::outbox; }")
                .is_empty()
        );
    }

    #[test]
    fn a_slice_may_be_one_file_and_other_files_are_free() {
        let one_file = ("crates/platform/src/audit.rs", "use crate::jobs;");
        let assembling = ("crates/platform/src/lib.rs", LIBRARY.1);
        let free = ("crates/platform/src/auditing.rs", "use crate::outbox;");
        assert_eq!(found(check, &[assembling, one_file, free]), ["crates/platform/src/audit.rs:1"]);
    }
}
