//! `cargo xtask bench log-ins`: whether answers tell strangers by their time who has an account, and what a storm of log-ins costs
//! everybody else.
mod options;
mod rank;
mod storm;
mod strangers;

use std::path::Path;

pub use options::Options;
use strangers::Flow;

use crate::{
    folder::Folder,
    live::{
        engine::Engine,
        program::{App, Program},
    },
    postgres::{Durability, Server},
};

/// Any app will do; its own rules are on.
const APP: App = App {
    name: "storm",
    text: "[app]\nname = \"storm\"\n\n[resources.notes]\nid_prefix = \"note\"\n\n[resources.notes.fields]\n\
           title = { type = \"text\", required = true, max_length = 200 }\n",
};

/// Ends well when nobody can be told apart and the storm is weathered.
pub async fn run(options: &Options) -> Result<bool, String> {
    let binary = options.target.binary()?;
    let mut is_well = true;
    for engine in &options.target.engines {
        println!("{}", engine.name());
        is_well &= on(*engine, &binary, options).await?;
    }
    Ok(is_well)
}

async fn on(engine: Engine, binary: &Path, options: &Options) -> Result<bool, String> {
    let mut postgres = match engine {
        Engine::Sqlite => None,
        Engine::Postgres => Some(Server::start(Durability::Fast).await?),
    };
    let outcome = measured(binary, postgres.as_ref(), options).await;
    if let Some(postgres) = &mut postgres {
        postgres.stop().await;
    }
    outcome
}

async fn measured(binary: &Path, postgres: Option<&Server>, options: &Options) -> Result<bool, String> {
    let mut program = Program::new(binary, APP, Folder::temporary("hardpan-bench")?, postgres.map(Server::url))?;
    // One client asks more often than any person.
    for variable in ["HARDPAN_LIMITS__ACCOUNT__BURST", "HARDPAN_LIMITS__ACCOUNT__PER_MINUTE"] {
        program.set(variable, "1000000000");
    }
    program.start()?;
    program.wait_until_ready().await?;
    strangers::settle(program.port, options.tries).await?;
    let mut is_well = true;
    for flow in strangers::OPEN {
        is_well &= compare(&program, flow, options).await?;
    }
    let report = storm::run(program.port, options).await?;
    println!("{report}");
    is_well &= report.is_well();
    program.stop().await?;
    program.set("HARDPAN_AUTH__REGISTRATION", "verify_first");
    program.start()?;
    program.wait_until_ready().await?;
    is_well &= compare(&program, strangers::VERIFY_FIRST, options).await?;
    program.stop().await?;
    Ok(is_well)
}

async fn compare(program: &Program, flow: Flow, options: &Options) -> Result<bool, String> {
    let told = strangers::compare(program.port, flow, options.tries).await?;
    println!("  {told}");
    Ok(told.is_well())
}
