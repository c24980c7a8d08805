//! `cargo xtask bench log-ins`: whether answers tell strangers by their time who has an account, and what a storm of log-ins costs
//! everybody else.
mod options;
mod rank;
mod storm;
mod strangers;

use std::{path::Path, process::ExitCode};

use options::{Options, USAGE};

use crate::{
    folder::Folder,
    live::{
        self,
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
pub async fn run(arguments: Vec<String>) -> ExitCode {
    let options = match Options::parse(arguments) {
        Ok(options) => options,
        Err(why) => return live::misused(&why, USAGE),
    };
    match both(&options).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => live::failed(&why),
    }
}

async fn both(options: &Options) -> Result<bool, String> {
    let binary = live::binary(options.hardpan.as_deref())?;
    let mut is_well = true;
    for engine in &options.engines {
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
    let mut is_well = true;
    for flow in strangers::FLOWS {
        let told = strangers::compare(program.port, flow, options.tries).await?;
        println!("  {told}");
        is_well &= told.is_well();
    }
    let report = storm::run(program.port, options).await?;
    println!("{report}");
    is_well &= report.is_well();
    program.stop().await?;
    Ok(is_well)
}
