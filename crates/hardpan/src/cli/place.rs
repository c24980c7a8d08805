//! Which app a command is about, and what the command line changes in its configuration.
use std::path::{Path, PathBuf};

use super::Failure;
use crate::config::{self, Inputs, Loaded};

/// The arguments of every command.
#[derive(clap::Args)]
pub struct Place {
    /// The app's folder [default: the current one]
    #[arg(long, global = true, value_name = "DIR")]
    app: Option<PathBuf>,
    /// Sets a key of the app file for this run, as `--set server.body_limit=65536`; may be repeated
    #[arg(long, global = true, value_name = "KEY=VALUE", value_parser = pair)]
    set: Vec<(String, String)>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write KEY=VALUE")?;
    Ok((key.trim().to_owned(), value.to_owned()))
}

impl Place {
    /// The app's folder: the command's own argument, else `--app`, else the working folder.
    pub fn dir(&self, argument: Option<&Path>) -> Result<PathBuf, Failure> {
        match (argument, &self.app) {
            (Some(_), Some(_)) => Err(Failure::Usage("the folder is given twice: as DIR and by --app".into())),
            (Some(dir), None) => Ok(dir.to_owned()),
            (None, Some(dir)) => Ok(dir.clone()),
            (None, None) => Ok(PathBuf::from(".")),
        }
    }

    /// The app's configuration with this process's environment, `--set` and the command's own `flags`.
    pub fn load(&self, argument: Option<&Path>, flags: Vec<(String, String)>) -> Result<Loaded, Failure> {
        let dir = self.dir(argument)?;
        let flags = self.set.iter().cloned().chain(flags).collect();
        Ok(config::load(&Inputs::of_process(&dir, flags)))
    }
}
