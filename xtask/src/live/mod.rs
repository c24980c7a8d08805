//! Tasks that drive the real program over real databases: what they share.
pub mod accounts;
pub mod engine;
pub mod http;
pub mod program;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use crate::{bench, test::interrupted, torture};

/// Runs `task`.
pub fn run(task: &str, arguments: Vec<String>) -> ExitCode {
    let task = async {
        let outcome =
            async { if task == "bench" { bench::run(arguments).await } else { torture::run(arguments).await } };
        tokio::select! {
            code = outcome => Ok(code),
            () = interrupted() => Err("interrupted".to_owned()),
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let code = runtime.map_err(|error| error.to_string()).and_then(|runtime| runtime.block_on(task));
    code.unwrap_or_else(|why| failed(&why))
}

/// Says why there is no result.
pub fn failed(why: &str) -> ExitCode {
    eprintln!("xtask: {why}");
    ExitCode::FAILURE
}

/// Says what is wrong with the arguments.
pub fn misused(why: &str, usage: &str) -> ExitCode {
    eprintln!("{why}\n\n{usage}");
    ExitCode::from(2)
}

/// The program to drive: given, or built now.
pub fn binary(given: Option<&Path>) -> Result<PathBuf, String> {
    if let Some(path) = given {
        return path.canonicalize().map_err(|error| format!("{}: {error}", path.display()));
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = std::process::Command::new(cargo).args(["build", "--release", "-p", "hardpan"]).status();
    if !status.is_ok_and(|status| status.success()) {
        return Err("the program could not be built".to_owned());
    }
    Ok(target()?.join("release").join(format!("hardpan{}", std::env::consts::EXE_SUFFIX)))
}

/// Where cargo builds: the folder above the one this program was built into.
pub fn target() -> Result<PathBuf, String> {
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let target = own.parent().and_then(Path::parent).ok_or("the folder of built programs is not known")?;
    Ok(target.to_owned())
}

/// A whole number from 1, the value of the option `name`. Errors: anything else.
pub fn count<N: std::str::FromStr + PartialOrd + From<u8>>(name: &str, value: &str) -> Result<N, String> {
    let number = value.parse().ok().filter(|number| *number >= N::from(1));
    number.ok_or_else(|| format!("{name} wants a number from 1, not {value:?}"))
}
