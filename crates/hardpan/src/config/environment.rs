//! The environment: the process's variables, `.env` below them in development, `_FILE` variants of secrets.
use std::{
    collections::BTreeMap,
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use super::{finding::Finding, setting::Origin};

/// Variables by name; the values may be secret, so this cannot be printed.
pub struct Environment {
    variables: BTreeMap<String, Variable>,
    dir: PathBuf,
}

struct Variable {
    value: String,
    is_from_dotenv: bool,
}

/// More than any secret needs, less than what could exhaust memory when the name is wrong.
const FILE_LIMIT: u64 = 64 * 1024;

impl Environment {
    /// `process` as it is; relative paths of `_FILE` variables start at `dir`.
    pub fn new(process: &BTreeMap<String, String>, dir: &Path) -> Self {
        let own = |value: &String| Variable { value: value.clone(), is_from_dotenv: false };
        Self { variables: process.iter().map(|(name, value)| (name.clone(), own(value))).collect(), dir: dir.into() }
    }

    /// Adds what `.env` says of names the process does not have.
    pub fn add_dotenv(&mut self, variables: Vec<(String, String)>) {
        for (name, value) in variables {
            self.variables.entry(name).or_insert(Variable { value, is_from_dotenv: true });
        }
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.variables.keys().map(String::as_str)
    }

    /// A variable with its value; an empty one counts as absent, for that is how unset ones arrive from scripts.
    pub fn get(&self, name: &str) -> Option<(&str, Origin)> {
        self.get_even_empty(name).filter(|(value, _)| !value.trim().is_empty())
    }

    /// A variable with its value, be it empty.
    pub fn get_even_empty(&self, name: &str) -> Option<(&str, Origin)> {
        let variable = self.variables.get(name)?;
        let name = name.to_owned();
        let origin = if variable.is_from_dotenv { Origin::DotEnv(name) } else { Origin::Environment(name) };
        Some((&variable.value, origin))
    }

    /// A secret: the variable, or the file that `<name>_FILE` names. Both at once, or a file that cannot be read, is an error.
    pub fn secret(&self, name: &str, findings: &mut Vec<Finding>) -> Option<(String, Origin)> {
        let file_name = format!("{name}_FILE");
        let direct = self.get(name).map(|(value, origin)| (value.to_owned(), origin));
        let Some((path, origin)) = self.get(&file_name) else { return direct };
        if direct.is_some() {
            findings.push(Finding::error(name, format!("is set, and so is {file_name}"), "set one of the two"));
            return None;
        }
        match read(&self.dir.join(path)) {
            Ok(value) => Some((value, origin)),
            Err(fault) => {
                let fix = "name a file with the value alone that this user may read";
                findings.push(Finding::error(file_name, format!("names {path}, which {fault}"), fix));
                None
            }
        }
    }
}

fn read(path: &Path) -> Result<String, String> {
    let unreadable = |error: std::io::Error| format!("cannot be read: {error}");
    let mut text = String::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(FILE_LIMIT + 1).read_to_string(&mut text).map_err(unreadable)?;
    if text.len() as u64 > FILE_LIMIT {
        return Err("is too large to be a secret".into());
    }
    // Editors and `echo` end files with a newline that is no part of the secret.
    let text = text.trim();
    if text.is_empty() { Err("is empty".into()) } else { Ok(text.to_owned()) }
}
