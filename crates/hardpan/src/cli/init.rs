//! `hardpan init`: a commented starter app that serves at once.
use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use super::{Failure, Outcome, output};
use crate::config;

/// Makes a commented starter app that serves at once; overwrites nothing
#[derive(clap::Args)]
#[command(after_help = "Example: hardpan init notes && hardpan serve notes")]
pub struct Args {
    /// The folder to make it in [default: the current one]
    pub dir: Option<PathBuf>,
}

pub fn run(dir: &Path) -> Outcome {
    make(dir)?;
    let place = dir.display();
    output::line(&format!("Made {place}/{}, .env, .env.example and .gitignore.", config::APP_FILE));
    output::line(&format!("Next: hardpan serve {place}"));
    Ok(ExitCode::SUCCESS)
}

fn make(dir: &Path) -> Result<(), Failure> {
    let full = std::path::absolute(dir).map_err(|error| failed("find", dir, &error))?;
    let name = config::app_name(&full.file_name().unwrap_or_default().to_string_lossy());
    let files = [
        (config::APP_FILE, config::app_file(&name), PUBLIC),
        (".env", config::DOTENV.to_owned(), PRIVATE),
        (".env.example", config::dotenv_example(&name), PUBLIC),
    ];
    let present: Vec<_> =
        files.iter().map(|(name, ..)| *name).filter(|name| dir.join(name).symlink_metadata().is_ok()).collect();
    if !present.is_empty() {
        let place = dir.display();
        return Err(Failure::Failed(format!("{place} already has {}; nothing was changed", present.join(" and "))));
    }
    fs::create_dir_all(dir).map_err(|error| failed("make the folder", dir, &error))?;
    for (name, text, mode) in files {
        let path = dir.join(name);
        create(&path, &text, mode).map_err(|error| failed("write", &path, &error))?;
    }
    let path = dir.join(".gitignore");
    ignore(&path).map_err(|error| failed("write", &path, &error))
}

const PUBLIC: u32 = 0o644;
const PRIVATE: u32 = 0o600;

#[cfg_attr(not(unix), allow(unused_variables))]
fn create(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    options.open(path)?.write_all(text.as_bytes())
}

/// Adds the lines that a `.gitignore` does not have yet: a new app often starts inside a repository.
fn ignore(path: &Path) -> io::Result<()> {
    let present = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error),
    };
    let mut added = if present.is_empty() || present.ends_with('\n') { String::new() } else { "\n".to_owned() };
    for line in config::IGNORED.iter().filter(|line| !present.lines().any(|other| other.trim() == **line)) {
        added.extend([line, "\n"]);
    }
    OpenOptions::new().append(true).create(true).open(path)?.write_all(added.as_bytes())
}

fn failed(what: &str, path: &Path, error: &io::Error) -> Failure {
    Failure::Failed(format!("cannot {what} {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::config::{Inputs, load};

    #[test]
    fn what_it_makes_has_no_findings() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("My Notes");
        make(&dir).unwrap();
        let loaded = load(&Inputs { dir, environment: BTreeMap::new(), flags: Vec::new() });
        assert!(loaded.resources.contains_key("notes"));
        let (config, report) = loaded.ready(Vec::new()).unwrap();
        assert_eq!(report.findings(), []);
        assert_eq!(config.app.name, "my-notes");
    }

    #[test]
    fn it_overwrites_nothing() {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join(".env"), "A=1").unwrap();
        fs::write(home.path().join(".gitignore"), "target\n.env").unwrap();
        assert!(make(home.path()).is_err());
        assert!(!home.path().join(config::APP_FILE).exists());
        fs::remove_file(home.path().join(".env")).unwrap();
        make(home.path()).unwrap();
        let ignored = fs::read_to_string(home.path().join(".gitignore")).unwrap();
        assert_eq!(ignored, "target\n.env\n/data/\n*.db\nmaster.key\n");
        assert!(make(home.path()).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn the_environment_file_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let home = tempfile::tempdir().unwrap();
        make(home.path()).unwrap();
        let mode = fs::metadata(home.path().join(".env")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
