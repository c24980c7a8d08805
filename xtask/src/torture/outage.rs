//! Documents are created while PostgreSQL crashes and comes back, and the program goes on by itself.
use std::{
    path::Path,
    time::{Duration, Instant},
};

use tokio::time::sleep;

use super::{
    options::Options,
    stage::{Stage, some_time},
};
use crate::live::{
    engine::Engine,
    http::{Client, Manner},
};

/// Within this time all must be well again, once PostgreSQL accepts connections.
const PROMISE: Duration = Duration::from_secs(5);
/// So long nothing may have gone wrong before it counts as well.
const CALM: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_millis(10);

/// Returns what is wrong.
pub async fn run(binary: &Path, options: &Options) -> Result<Vec<String>, String> {
    let mut stage = Stage::open(binary, Engine::Postgres, options).await?;
    let outcome = rounds(&mut stage, options.rounds).await;
    stage.close().await;
    outcome
}

async fn rounds(stage: &mut Stage, rounds: usize) -> Result<Vec<String>, String> {
    let mut faults = Vec::new();
    stage.begin().await?;
    let load = stage.load(Manner::Keep);
    for number in 1..=rounds {
        match round(stage, number).await {
            Ok(()) => {}
            Err(why) => faults.push(format!("round {number}: {why}")),
        }
    }
    load.stop().await;
    faults.extend(stage.compare().await?);
    {
        let pages = stage.ledger.pages();
        faults.extend(pages.faults(&[503]));
        let unheard = pages.lost.len() as u64 - pages.hung;
        if unheard > 0 {
            faults.push(format!("{unheard} connections of clients were lost"));
        }
    }
    faults.extend(stage.end().await?);
    faults.extend(stage.examine().await?);
    faults.extend(stage.program.faults().into_iter().filter(|line| line.contains("panicked")));
    Ok(faults)
}

async fn round(stage: &mut Stage, number: usize) -> Result<(), String> {
    let port = stage.program.port;
    let before = stage.ledger.acknowledged();
    sleep(some_time(400, 1500)).await;
    let created = stage.ledger.acknowledged() - before;
    let Some(postgres) = &mut stage.postgres else { return Err("there is no PostgreSQL".to_owned()) };
    postgres.stop().await;
    let gone = Instant::now();
    let unready = wait_for(503, port, gone).await?;
    sleep(some_time(0, 2000)).await;
    let away = gone.elapsed();
    postgres.restart().await?;
    let back = Instant::now();
    let first = first_success(stage, back).await?;
    let ready = wait_for(200, port, back).await?;
    let calm = calm(stage, back).await?;
    println!(
        "  round {number}: {created} documents, away for {} ms (not ready after {} ms); back: first success after {} ms, \
         ready after {} ms, last trouble after {} ms",
        away.as_millis(),
        unready.as_millis(),
        first.as_millis(),
        ready.as_millis(),
        calm.as_millis(),
    );
    Ok(())
}

/// How long after `since` the program first says so.
async fn wait_for(status: u16, port: u16, since: Instant) -> Result<Duration, String> {
    loop {
        match Client::new(port).get("/readyz").await {
            Ok(answer) if answer.status == status => return Ok(since.elapsed()),
            Ok(_) => {}
            Err(failure) => return Err(format!("/readyz: {failure}")),
        }
        if since.elapsed() > PROMISE {
            return Err(format!("/readyz did not answer {status} within {} s", PROMISE.as_secs()));
        }
        sleep(LOOK).await;
    }
}

async fn first_success(stage: &Stage, since: Instant) -> Result<Duration, String> {
    let before = stage.ledger.acknowledged();
    while since.elapsed() < PROMISE {
        if stage.ledger.acknowledged() > before {
            return Ok(since.elapsed());
        }
        sleep(LOOK).await;
    }
    Err(format!("nothing was created within {} s after PostgreSQL came back", PROMISE.as_secs()))
}

/// How long after `since` something last went wrong.
async fn calm(stage: &Stage, since: Instant) -> Result<Duration, String> {
    loop {
        let troubled_at = stage.ledger.pages().troubled_at.unwrap_or(since);
        if troubled_at.elapsed() > CALM {
            return Ok(troubled_at.saturating_duration_since(since));
        }
        if since.elapsed() > PROMISE + CALM {
            return Err(format!("requests failed for more than {} s after PostgreSQL came back", PROMISE.as_secs()));
        }
        sleep(LOOK).await;
    }
}
