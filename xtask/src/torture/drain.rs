//! The program is asked to stop under load: what was sent before is answered, and the exit code says that all is well.
use std::{collections::HashSet, path::Path, time::Instant};

use tokio::time::sleep;

use super::{
    listing,
    options::Options,
    stage::{Stage, some_time},
};
use crate::live::{engine::Engine, http::Manner};

const MOST_ROUNDS: usize = 6;

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
        let manner = if round % 2 == 1 { Manner::Keep } else { Manner::Close };
        let (begun, created) = (Instant::now(), stage.ledger.acknowledged());
        let load = stage.load(manner);
        sleep(some_time(500, 1500)).await;
        let asked = Instant::now();
        let (took, code) = stage.program.stop().await?;
        load.stop().await;
        let lost: Vec<Instant> = stage.ledger.pages().lost.values().copied().filter(|at| *at > begun).collect();
        let reset = lost.iter().filter(|at| **at < asked).count();
        println!(
            "  round {round} ({manner:?}): {} documents; stopped in {} ms with code {code:?}; {} requests unanswered, {reset} \
             of them sent before it was asked to stop",
            stage.ledger.acknowledged() - created,
            took.as_millis(),
            lost.len(),
        );
        if code != Some(0) {
            faults.push(format!("round {round}: the program ended with {code:?}"));
        }
        if reset > 0 {
            faults.push(format!("round {round}: {reset} requests sent before it was asked to stop were reset"));
        }
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

/// A request that was carried out and not answered was cut off.
async fn cut_off(stage: &Stage) -> Result<Option<String>, String> {
    let listed = listing::listed(stage.program.port, &stage.tokens).await?;
    let titles: HashSet<String> = listed.into_iter().map(|document| document.title).collect();
    let cut = stage.ledger.pages().lost.keys().filter(|title| titles.contains(*title)).count();
    Ok((cut > 0).then(|| format!("{cut} requests were carried out and not answered")))
}
