//! The first start on an empty folder is killed at some moment; the next one must work.
use std::path::Path;

use tokio::time::sleep;

use super::{
    load,
    options::Options,
    stage::{program, some_time},
};

/// Longer than a first start takes.
const LONGEST_MILLISECONDS: u64 = 250;

/// Returns what is wrong.
pub async fn run(binary: &Path, options: &Options) -> Result<Vec<String>, String> {
    let mut faults = Vec::new();
    for round in 1..=options.rounds {
        let mut program = program(binary, None)?;
        let mut moments = Vec::new();
        for _ in 0..2 {
            let moment = some_time(1, LONGEST_MILLISECONDS);
            program.start()?;
            sleep(moment).await;
            program.kill().await?;
            moments.push(moment.as_millis().to_string());
        }
        let moments = moments.join(" and ");
        program.start()?;
        let outcome = match program.wait_until_ready().await {
            Ok(_) => load::register(program.port, "first").await.map(|_| ()),
            Err(why) => Err(why),
        };
        match outcome {
            Ok(()) => println!("  round {round}: killed {moments} ms after its start, and works"),
            Err(why) => faults.push(format!("killed {moments} ms after its start, it does not work any more: {why}")),
        }
        program.kill().await?;
    }
    Ok(faults)
}
