//! Documents are created while the program is killed; nothing acknowledged may be missing or there twice.
use std::{path::Path, time::Instant};

use tokio::time::sleep;

use super::{
    options::Options,
    stage::{Stage, some_time},
};
use crate::live::{engine::Engine, http::Manner};

/// Every so many rounds the program is also killed while it starts.
const EARLY: usize = 4;

/// Returns what is wrong.
pub async fn run(binary: &Path, engine: Engine, options: &Options) -> Result<Vec<String>, String> {
    let mut stage = Stage::open(binary, engine, options).await?;
    let outcome = rounds(&mut stage, options.rounds).await;
    stage.close().await;
    outcome
}

async fn rounds(stage: &mut Stage, rounds: usize) -> Result<Vec<String>, String> {
    let mut faults = Vec::new();
    stage.begin().await?;
    let load = stage.load(Manner::Keep);
    for round in 1..=rounds {
        let (begun, before) = (Instant::now(), stage.ledger.acknowledged());
        sleep(some_time(300, 1500)).await;
        stage.program.kill().await?;
        println!(
            "  round {round}: killed after {} ms and {} documents",
            begun.elapsed().as_millis(),
            stage.ledger.acknowledged() - before
        );
        faults.extend(stage.leftovers(true));
        if round == rounds {
            break;
        }
        if round % EARLY == 0 {
            stage.program.start()?;
            sleep(some_time(0, 100)).await;
            stage.program.kill().await?;
        }
        stage.program.start()?;
        let ready = stage.program.wait_until_ready().await?;
        println!("           ready again in {} ms", ready.as_millis());
    }
    load.stop().await;
    // Once as the kill has left it, and once as the program has served and closed it.
    faults.extend(stage.examine().await?);
    stage.program.start()?;
    stage.program.wait_until_ready().await?;
    faults.extend(stage.compare().await?);
    faults.extend(stage.end().await?);
    faults.extend(stage.examine().await?);
    faults.extend(stage.ledger.pages().faults(&[]));
    faults.extend(stage.program.faults());
    if stage.ledger.acknowledged() < rounds * stage.clients / 10 {
        faults.push("hardly anything was created: this proves nothing".to_owned());
    }
    Ok(faults)
}
