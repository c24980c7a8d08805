//! `cargo xtask test`: the tests of the workspace, with a PostgreSQL server of their own.
use std::process::ExitCode;

use tokio::{process::Command, signal};

use crate::{
    postgres::{Durability, Server},
    tools,
};

/// Runs `cargo test` with `arguments`. Ends as it ends; the server is removed in every case.
pub fn run(arguments: Vec<String>) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.to_string()),
    };
    match runtime.block_on(test(arguments)) {
        Ok(code) => code,
        Err(why) => failed(&why),
    }
}

fn failed(why: &str) -> ExitCode {
    eprintln!("xtask: {why}");
    ExitCode::FAILURE
}

async fn test(arguments: Vec<String>) -> Result<ExitCode, String> {
    let mut server = Server::start(Durability::Fast).await?;
    let url = server.url();
    let outcome = tokio::select! {
        outcome = tests(arguments, &url, &server) => outcome,
        () = interrupted() => Err("interrupted".to_owned()),
    };
    server.stop().await;
    outcome
}

async fn tests(arguments: Vec<String>, url: &str, server: &Server) -> Result<ExitCode, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.arg("test");
    let names_a_package = |argument: &String| argument.starts_with("-p") || argument.starts_with("--package");
    if !arguments.iter().take_while(|argument| *argument != "--").any(names_a_package) {
        command.arg("--workspace");
    }
    command
        .args(arguments)
        .env("HARDPAN_TEST_POSTGRES_URL", url)
        .envs(server.tools())
        .envs(tools::all().await)
        .kill_on_drop(true);
    let status = command.status().await.map_err(|error| format!("cargo test could not be run: {error}"))?;
    // Ended by a signal, it has no code.
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

#[cfg(unix)]
pub async fn interrupted() {
    use signal::unix::{SignalKind, signal};
    let (Ok(mut terminated), Ok(mut hung_up)) = (signal(SignalKind::terminate()), signal(SignalKind::hangup())) else {
        return;
    };
    tokio::select! {
        _ = signal::ctrl_c() => {}
        _ = terminated.recv() => {}
        _ = hung_up.recv() => {}
    }
}

#[cfg(not(unix))]
pub async fn interrupted() {
    let _ = signal::ctrl_c().await;
}
