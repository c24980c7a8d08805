//! The program is asked to stop under load: what is being answered is answered, and the exit code says that all is well.
use std::{collections::HashSet, path::Path};

use tokio::time::sleep;

use super::{
    listing,
    options::{Engine, Options},
    stage::{Stage, some_time},
};

const MOST_ROUNDS: usize = 5;

/// Returns what is wrong.
pub async fn run(binary: &Path, engine: Engine, options: &Options) -> Result<Vec<String>, String> {
    let mut stage = Stage::open(binary, engine, options).await?;
    let outcome = rounds(&mut stage, options.rounds.min(MOST_ROUNDS)).await;
    stage.close().await;
    outcome
}

async fn rounds(stage: &mut Stage, rounds: usize) -> Result<Vec<String>, String> {
    let mut faults = Vec::new();
    stage.begin().await?;
    for round in 1..=rounds {
        let before = stage.ledger.acknowledged();
        let load = stage.load();
        sleep(some_time(500, 1500)).await;
        println!("  round {round}: {} documents", stage.ledger.acknowledged() - before);
        faults.extend(stage.end().await?);
        load.stop().await;
        stage.program.start()?;
        stage.program.wait_until_ready().await?;
    }
    faults.extend(stage.compare().await?);
    faults.extend(cut_off(stage).await?);
    faults.extend(stage.end().await?);
    faults.extend(stage.ledger.pages().faults(&[]));
    faults.extend(stage.program.faults());
    Ok(faults)
}

/// A request that arrives as its idle connection is being closed is not answered, and not carried out either (RFC 9112,
/// 9.6). One that was carried out and not answered was cut off.
async fn cut_off(stage: &Stage) -> Result<Option<String>, String> {
    let listed = listing::listed(stage.program.port, &stage.tokens).await?;
    let titles: HashSet<String> = listed.into_iter().map(|document| document.title).collect();
    let pages = stage.ledger.pages();
    let cut = pages.lost.intersection(&titles).count();
    println!("  {} requests came too late, {cut} were cut off", pages.lost.len() - cut);
    Ok((cut > 0).then(|| format!("{cut} requests were carried out and not answered")))
}
