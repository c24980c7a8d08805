//! What a configuration is read from. Tests give their own; the command line takes the process's.
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// The sources of a configuration.
#[derive(Clone)]
pub struct Inputs {
    /// The app's folder.
    pub dir: PathBuf,
    /// The process's environment.
    pub environment: BTreeMap<String, String>,
    /// `(key, value)` from the command line.
    pub flags: Vec<(String, String)>,
}

impl Inputs {
    /// The app in `dir` with this process's environment.
    pub fn of_process(dir: &Path, flags: Vec<(String, String)>) -> Self {
        // The one home of the environment. `vars` would panic on bytes that are not UTF-8; no value meant for Hardpan has any.
        let environment = std::env::vars_os()
            .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
            .collect();
        Self { dir: dir.into(), environment, flags }
    }
}
