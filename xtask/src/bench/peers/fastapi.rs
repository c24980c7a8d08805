//! `FastAPI` and `SQLAlchemy` on SQLite, two workers.
use std::{path::Path, process::Stdio};

use serde_json::json;
use tokio::process::Command;

use super::{
    contender::{Contender, Owner, Paths, Running},
    ready, rows,
};
use crate::{folder::Folder, postgres::free_port};

pub const PACKAGES: [&str; 5] = [
    "fastapi==0.165.0",
    "uvicorn[standard]==0.54.0",
    "SQLAlchemy[asyncio]==2.1.9",
    "aiosqlite==0.22.1",
    "PyJWT==2.15.1",
];
const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../benches/peers");
/// Of thirty-two bytes, as its algorithm wants.
const SECRET: &str = "a secret for the benchmark alone";

pub async fn start(programs: &Path, rows: usize) -> Result<Contender, String> {
    let folder = Folder::temporary("hardpan-bench")?;
    let database = folder.path().join("notes.db");
    let port = free_port().map_err(|error| error.to_string())?;
    let mut command = Command::new(programs.join("uvicorn"));
    command
        .args(["app:app", "--app-dir", SOURCE, "--workers", "2", "--log-level", "info", "--port", &port.to_string()])
        .env("NOTES_SECRET", SECRET)
        .env("NOTES_DATABASE", format!("sqlite+aiosqlite:///{}", database.display()))
        .env("PYTHONDONTWRITEBYTECODE", "1");
    let log = std::fs::File::create(folder.path().join("log")).map_err(|error| error.to_string())?;
    let copy = log.try_clone().map_err(|error| error.to_string())?;
    let child = command.stdin(Stdio::null()).stdout(log).stderr(copy).kill_on_drop(true).spawn();
    let child = child.map_err(|error| format!("uvicorn: {error}"))?;
    ready(port, "/healthz").await?;
    let owners = tokens(programs).await?;
    let ids: Vec<String> = owners.iter().map(|owner| owner.id.clone()).collect();
    let file = folder.path().join("rows.jsonl");
    rows::write(
        &file,
        rows,
        &ids,
        |number, owner, at| json!({"id": name(number), "owner": owner, "title": rows::TITLE, "body": rows::BODY, "created": at, "updated": at}),
    )?;
    super::fill(programs, &file, &database).await?;
    Ok(Contender {
        name: "FastAPI",
        port,
        processes: child.id().into_iter().collect(),
        owners,
        paths: Paths { all: "/notes", twenty: "?limit=20", id: name, names_owner: false },
        log_in: None,
        running: Running::Peer(Box::new(child), Some(folder)),
    })
}

async fn tokens(programs: &Path) -> Result<Vec<Owner>, String> {
    let script = "import jwt, sys\nfor n in range(int(sys.argv[2])): print(jwt.encode({'sub': f'owner{n}'}, sys.argv[1], 'HS256'))";
    let mut python = Command::new(programs.join("python"));
    let output = python.args(["-c", script, SECRET, &rows::OWNERS.to_string()]).output().await;
    let output = output.map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let owner = |(number, token): (usize, &str)| Owner { id: format!("owner{number}"), token: token.to_owned() };
    Ok(text.lines().enumerate().map(owner).collect())
}

fn name(number: usize) -> String {
    rows::uuid(number).to_string()
}
