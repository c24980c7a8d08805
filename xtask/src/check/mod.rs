//! `cargo xtask check`: the rules of the layout, each told with file, line and reason.
mod direction;
mod drivers;
mod events;
mod shape;
mod slices;
mod source;
mod sql;

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use source::Source;

/// One breach of a rule.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Problem {
    path: String,
    line: usize,
    why: String,
}

impl Problem {
    fn new(path: &str, line: usize, why: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, why: why.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.why)
    }
}

/// What the rules look at.
#[derive(Default)]
struct Repository {
    sources: Vec<Source>,
    manifests: Vec<Manifest>,
    /// The page of security events.
    events: String,
}

/// A Cargo.toml.
struct Manifest {
    path: String,
    text: String,
}

impl Repository {
    /// Reads the Rust sources and the manifests below `root`, and what they are held against.
    fn read(root: &Path) -> io::Result<Self> {
        let mut repository = Self { events: fs::read_to_string(root.join(events::PAGE))?, ..Self::default() };
        for top in ["crates", "fuzz", "xtask", "examples"] {
            repository.read_folder(root, &root.join(top))?;
        }
        Ok(repository)
    }

    fn read_folder(&mut self, root: &Path, folder: &Path) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                if !path.ends_with("target") {
                    self.read_folder(root, &path)?;
                }
                continue;
            }
            let name: PathBuf = path.strip_prefix(root).unwrap_or(&path).iter().collect();
            let name = name.to_string_lossy().replace('\\', "/");
            if path.extension().is_some_and(|extension| extension == "rs") {
                self.sources.push(Source::new(&name, fs::read_to_string(&path)?));
            } else if path.ends_with("Cargo.toml") {
                self.manifests.push(Manifest { path: name, text: fs::read_to_string(&path)? });
            }
        }
        Ok(())
    }

    /// All breaches of all rules.
    fn problems(&self) -> Vec<Problem> {
        let rules = [direction::check, drivers::check, events::check, shape::check, slices::check, sql::check];
        let mut problems: Vec<Problem> = rules.iter().flat_map(|rule| rule(self)).collect();
        problems.sort();
        problems
    }
}

/// Checks the workspace of the current folder.
pub fn run() -> ExitCode {
    let repository = match root().and_then(|root| Repository::read(&root)) {
        Ok(repository) => repository,
        Err(error) => {
            eprintln!("xtask: the sources cannot be read: {error}");
            return ExitCode::FAILURE;
        }
    };
    let problems = repository.problems();
    for problem in &problems {
        println!("{problem}");
    }
    if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The folder of the workspace's Cargo.toml.
fn root() -> io::Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo).args(["locate-project", "--workspace", "--message-format=plain"]).output()?;
    let manifest = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    manifest.parent().map(Path::to_owned).ok_or_else(|| io::Error::other("there is no workspace here"))
}

/// A repository of these files, for the tests of the rules.
#[cfg(test)]
fn repository(files: &[(&str, &str)]) -> Repository {
    let mut repository = Repository::default();
    for (path, text) in files {
        if *path == events::PAGE {
            (*text).clone_into(&mut repository.events);
        } else if path.ends_with("Cargo.toml") {
            repository.manifests.push(Manifest { path: (*path).to_owned(), text: (*text).to_owned() });
        } else {
            repository.sources.push(Source::new(path, (*text).to_owned()));
        }
    }
    repository
}

/// The places a rule finds fault with: `path:line`.
#[cfg(test)]
fn found(rule: fn(&Repository) -> Vec<Problem>, files: &[(&str, &str)]) -> Vec<String> {
    rule(&repository(files)).iter().map(|problem| format!("{}:{}", problem.path, problem.line)).collect()
}
