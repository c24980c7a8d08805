//! The ceiling: the framework that Hardpan answers with, and nothing else.
use std::process::Stdio;

use tokio::process::Command;

use super::{
    contender::{Contender, Owner, Paths, Running},
    ready, rows,
};
use crate::{live, postgres::free_port};

pub async fn start() -> Result<Contender, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let build = ["build", "--release", "-p", "web", "--example", "framework"];
    let status = Command::new(cargo).args(build).status().await;
    if !status.is_ok_and(|status| status.success()) {
        return Err("the framework could not be built".to_owned());
    }
    let port = free_port().map_err(|error| error.to_string())?;
    let program = live::target()?.join("release/examples/framework");
    let mut command = Command::new(program);
    let child = command.arg(port.to_string()).stdin(Stdio::null()).kill_on_drop(true).spawn();
    let child = child.map_err(|error| error.to_string())?;
    ready(port, "/readyz").await?;
    Ok(Contender {
        name: "framework alone",
        port,
        processes: child.id().into_iter().collect(),
        owners: vec![Owner { id: String::new(), token: "none".to_owned() }; rows::OWNERS],
        paths: Paths {
            all: "/api/v1/notes",
            twenty: "?limit=20",
            id: |number| format!("note_{number}"),
            names_owner: false,
        },
        log_in: None,
        running: Running::Peer(Box::new(child), None),
    })
}
