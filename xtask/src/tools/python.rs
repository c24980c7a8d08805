//! Programs of Python, installed below `target/tools` when they are missing.
use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::debian;

/// A folder of programs that has exactly these packages, as `name==version`.
pub async fn install(target: &Path, packages: &[&str]) -> Result<PathBuf, String> {
    let folder = target.join("tools/python");
    let (programs, record) = (folder.join("bin"), folder.join("packages.txt"));
    let wanted = packages.join("\n");
    if std::fs::read_to_string(&record).is_ok_and(|there| there == wanted) {
        return Ok(programs);
    }
    if debian::output("python3", &["-c", "import ensurepip, venv"]).await.is_none() {
        debian::install("Python 3 with venv is not installed (package `python3-venv`)", &["python3-venv"]).await?;
    }
    eprintln!("xtask: installing {} by pip", packages.join(", "));
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder)).await?;
    run(Command::new(programs.join("pip")).args(["install", "--quiet", "--disable-pip-version-check"]).args(packages))
        .await?;
    std::fs::write(&record, wanted).map_err(|error| error.to_string())?;
    Ok(programs)
}

async fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().await.map_err(|error| format!("{:?}: {error}", command.as_std()))?;
    let why = || format!("{:?}: {}", command.as_std(), String::from_utf8_lossy(&output.stderr).trim());
    output.status.success().then_some(()).ok_or_else(why)
}
