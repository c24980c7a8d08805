//! Hardpan itself, with every safeguard on: its limits are counted, and too high to be reached.
use std::path::Path;

use kernel::id;
use serde_json::json;

use super::{
    contender::{Contender, Owner, Paths, Running},
    rows,
};
use crate::{
    bench::offered::LogIn,
    folder::Folder,
    live::{
        accounts,
        engine::Engine,
        http::Client,
        program::{App, Program},
    },
    postgres::{Durability, Server},
};

const APP: App =
    App { name: "peers", text: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../benches/peers/hardpan.toml")) };

pub async fn start(binary: &Path, engine: Engine, rows: usize) -> Result<Contender, String> {
    let postgres = match engine {
        Engine::Sqlite => None,
        Engine::Postgres => Some(Server::start(Durability::Full).await?),
    };
    let url = postgres.as_ref().map(Server::url);
    let mut program = Program::new(binary, APP, Folder::temporary("hardpan-bench")?, url)?;
    for variable in ["HARDPAN_LIMITS__ACCOUNT__BURST", "HARDPAN_LIMITS__ACCOUNT__PER_MINUTE"] {
        program.set(variable, "1000000000");
    }
    program.start()?;
    program.wait_until_ready().await?;
    let mut owners = Vec::new();
    for number in 0..rows::OWNERS {
        let email = format!("owner{number}@example.com");
        let registered = accounts::register(&mut Client::new(program.port), &email).await?;
        owners.push(Owner { id: registered.id, token: registered.token });
    }
    let file = program.folder().join("rows.jsonl");
    let ids: Vec<String> = owners.iter().map(|owner| owner.id.clone()).collect();
    rows::write(
        &file,
        rows,
        &ids,
        |number, owner, at| json!({"id": name(number), "owner_id": owner, "title": rows::TITLE, "body": rows::BODY, "created_at": at}),
    )?;
    let status = program.spawn(&["import", "notes", "--from", &file.display().to_string()])?.wait().await;
    if !status.is_ok_and(|status| status.success()) {
        return Err(format!("the rows could not be imported\n{}", program.log_end()));
    }
    if let Some(postgres) = &postgres {
        postgres.client("vacuumdb", &["--quiet", "--analyze", "postgres"]).await?;
    }
    Ok(Contender {
        name: match engine {
            Engine::Sqlite => "Hardpan, SQLite",
            Engine::Postgres => "Hardpan, PostgreSQL",
        },
        port: program.port,
        processes: program.pid().into_iter().chain(postgres.as_ref().and_then(Server::pid)).collect(),
        owners,
        paths: Paths { all: "/api/v1/notes", twenty: "?limit=20", id: name, names_owner: false },
        log_in: Some(LogIn {
            path: "/auth/v1/login",
            body: |turn| json!({"email": format!("nobody{turn}@example.com"), "password": "wrong, and long enough"}),
        }),
        running: Running::Hardpan(Box::new(program), postgres.map(Box::new)),
    })
}

fn name(number: usize) -> String {
    id::encode("note", rows::uuid(number))
}
