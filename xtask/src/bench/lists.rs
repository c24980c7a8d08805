//! Twenty rows of few and twenty of many, at the front and far behind, with the declared indexes and without.
use std::{path::Path, time::Duration};

use super::{
    cases::{CASES, Case, PRIMARY_KEY},
    measure::{Probe, in_turns, walk},
    options::{FEW, Options},
    report::{Line, Report},
    table::Table,
};
use crate::{
    folder::Folder,
    live::{self, engine::Engine},
    postgres::{Durability, Server},
};

/// The page far behind, where there are as many.
const FAR: u64 = 10_000;
/// A list that no index serves is asked for so often, unless it takes too long.
const SLOW_ROUNDS: usize = 50;
const SLOW_ENOUGH: Duration = Duration::from_secs(10);

/// Both tables on one engine.
pub async fn run(binary: &Path, engine: Engine, options: &Options) -> Result<Report, String> {
    eprintln!("{}", engine.name());
    let cache = live::target()?.join("bench");
    let mut postgres = server(engine, &cache).await?;
    let report = compare(binary, &cache, postgres.as_ref(), engine, options).await;
    if let Some(postgres) = &mut postgres {
        postgres.stop().await;
    }
    report
}

/// PostgreSQL over the tables in `cache`, where it is asked for.
pub async fn server(engine: Engine, cache: &Path) -> Result<Option<Server>, String> {
    match engine {
        Engine::Sqlite => Ok(None),
        Engine::Postgres => Server::start_in(Folder::kept(&cache.join("server"))?, Durability::Fast).await.map(Some),
    }
}

async fn compare(
    binary: &Path,
    cache: &Path,
    postgres: Option<&Server>,
    engine: Engine,
    options: &Options,
) -> Result<Report, String> {
    let few = Table::open(binary, cache, postgres, FEW).await?;
    let many = Table::open(binary, cache, postgres, options.rows).await?;
    let mut lines = Vec::new();
    for case in &CASES {
        eprintln!("  {}", case.name);
        lines.push(line(case, &few, &many, options.rounds).await?);
    }
    many.drop_indexes().await?;
    for line in lines.iter_mut().filter(|line| line.case.index != PRIMARY_KEY) {
        eprintln!("  {} without indexes", line.case.name);
        let mut probe = Probe::new(many.client(line.case.who), line.case.first_page(&many));
        probe.repeat(SLOW_ROUNDS, SLOW_ENOUGH).await?;
        line.unindexed = Some(probe.summary());
    }
    few.close().await;
    many.close().await;
    Ok(Report { engine, few: FEW, many: options.rows, rounds: options.rounds, lines })
}

async fn line(case: &'static Case, few: &Table, many: &Table, rounds: usize) -> Result<Line, String> {
    let first = case.first_page(many);
    let (page, cursor) = walk(&mut many.client(case.who), |limit| case.path(many, limit), FAR).await?;
    let mut probes = vec![
        Probe::new(few.client(case.who), case.first_page(few)),
        Probe::new(many.client(case.who), first.clone()),
        Probe::new(many.client(case.who), format!("{first}&after={cursor}")),
        Probe::new(many.client(case.who), format!("{first}&before={cursor}")),
    ];
    in_turns(&mut probes, rounds).await?;
    let [few, many, far, back] = [0, 1, 2, 3].map(|place| probes[place].summary());
    Ok(Line { case, few, many, page, far, back, unindexed: None })
}
