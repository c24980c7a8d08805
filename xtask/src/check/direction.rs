//! Crates depend downwards only.
use super::{Manifest, Problem, Repository};

/// From the bottom up.
const CRATES: [&str; 8] = ["kernel", "store", "web", "platform", "identity", "resources", "business", "hardpan"];
const TESTKIT: &str = "testkit";

pub(super) fn check(repository: &Repository) -> Vec<Problem> {
    repository.manifests.iter().flat_map(check_manifest).collect()
}

fn check_manifest(manifest: &Manifest) -> Vec<Problem> {
    let Some(name) = manifest.path.strip_prefix("crates/").and_then(|path| path.strip_suffix("/Cargo.toml")) else {
        return Vec::new();
    };
    let rank = |name: &str| CRATES.iter().position(|other| *other == name);
    let mut problems = Vec::new();
    if name != TESTKIT && rank(name).is_none() {
        problems.push(Problem::new(&manifest.path, 1, format!("the crate {name} has no place in the order of crates")));
    }
    for Dependency { line, section, key } in dependencies(&manifest.text) {
        let why = match (section, rank(key)) {
            (Section::Tests, _) if key == TESTKIT => continue,
            (_, _) if key == TESTKIT => "testkit is for tests: it belongs to dev-dependencies".to_owned(),
            (_, Some(_)) if name == TESTKIT && !matches!(key, "kernel" | "store") => {
                "testkit depends on kernel and store only, so that every crate can use it".to_owned()
            }
            (_, Some(other)) if rank(name).is_some_and(|own| other >= own) => {
                format!("{name} is below {key}; what must go upwards goes through a trait declared below or an event")
            }
            _ => continue,
        };
        problems.push(Problem::new(&manifest.path, line, why));
    }
    problems
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Code,
    Tests,
}

/// An entry of a manifest's dependencies.
pub(super) struct Dependency<'m> {
    pub line: usize,
    pub section: Section,
    pub key: &'m str,
}

/// The dependencies of a manifest, in whichever of their spellings.
pub(super) fn dependencies(manifest: &str) -> Vec<Dependency<'_>> {
    let mut section = None;
    let mut found = Vec::new();
    for (number, text) in manifest.lines().enumerate() {
        let (line, text) = (number + 1, text.trim());
        if let Some(header) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
            // `[dependencies]`, `[target.x.dependencies]`, and `[dependencies.name]`, which is an entry by itself.
            let (table, entry) = match header.rsplit_once('.') {
                Some((table, entry)) if table.ends_with("dependencies") => (table, Some(entry)),
                _ => (header, None),
            };
            let kind = table.rsplit('.').next().and_then(kind_of);
            if let (Some(key), Some(section)) = (entry, kind) {
                found.push(Dependency { line, section, key });
            }
            section = if entry.is_some() { None } else { kind };
            continue;
        }
        let key = text.split(['.', '=', ' ']).next().unwrap_or_default();
        if let Some(section) = section
            && !key.is_empty()
            && !key.starts_with('#')
        {
            found.push(Dependency { line, section, key });
        }
    }
    found
}

fn kind_of(table: &str) -> Option<Section> {
    match table {
        "dependencies" | "build-dependencies" => Some(Section::Code),
        "dev-dependencies" => Some(Section::Tests),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::found;
    use super::*;

    #[test]
    fn downwards_is_allowed_and_upwards_is_not() {
        let files = [
            (
                "crates/web/Cargo.toml",
                "[dependencies]\nkernel.workspace = true\nstore = { path = \"../store\" }\naxum = \"1\"\n",
            ),
            ("crates/store/Cargo.toml", "[dependencies]\nkernel.workspace = true\nweb.workspace = true\n"),
            (
                "crates/kernel/Cargo.toml",
                "[target.'cfg(unix)'.dependencies]\nstore.workspace = true\n[dependencies.hardpan]\npath = \"x\"\n",
            ),
        ];
        assert_eq!(
            found(check, &files),
            ["crates/store/Cargo.toml:3", "crates/kernel/Cargo.toml:2", "crates/kernel/Cargo.toml:3"]
        );
    }

    #[test]
    fn testkit_is_for_tests() {
        let files = [
            ("crates/web/Cargo.toml", "[dev-dependencies]\ntestkit.workspace = true\n"),
            ("crates/store/Cargo.toml", "[dependencies]\ntestkit.workspace = true\n"),
            ("crates/testkit/Cargo.toml", "[dependencies]\nstore.workspace = true\nweb.workspace = true\n"),
        ];
        assert_eq!(found(check, &files), ["crates/store/Cargo.toml:2", "crates/testkit/Cargo.toml:3"]);
    }

    #[test]
    fn a_crate_without_a_place_is_told() {
        assert_eq!(found(check, &[("crates/utils/Cargo.toml", "[dependencies]\n")]), ["crates/utils/Cargo.toml:1"]);
    }
}
