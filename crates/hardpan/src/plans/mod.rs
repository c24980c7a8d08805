//! Index coverage: what an app asks its database, and whether an index serves it, on both engines.
mod report;
mod tour;

use std::sync::Arc;

use kernel::{Code, Error, OsRandom, Result, SystemClock};
use resources::{
    records::{ListPath, Records, list_paths},
    schema::Declaration,
};
use store::{
    Db, Dialect, Source,
    statement::{Plan, Reach, Recording},
};

pub use report::{json, text};

use crate::{
    assemble::{self, Foundation},
    config::Config,
};

/// Of a hundred statements so many must be served by an index.
const LEAST_PERCENT: usize = 95;

/// What was found on one engine.
#[derive(Debug)]
pub struct Coverage {
    pub engine: &'static str,
    /// Those that look for rows.
    pub statements: usize,
    pub lists: usize,
    pub unserved: Vec<Unserved>,
    /// Names of statements that this engine has no plan for: they were written for the other one.
    pub foreign: Vec<String>,
}

/// Something that no index serves.
#[derive(Debug)]
pub struct Unserved {
    /// `documents by title, for a user`, or the name of a statement.
    pub name: String,
    pub sql: String,
    pub plan: String,
    /// For lists: the resource, and the columns of an index that would serve it.
    pub list: Option<(String, Option<Vec<String>>)>,
    /// Whether the engine could plan it; else `plan` says why not.
    pub is_planned: bool,
}

/// A statement, and the list it is for.
struct Asked<'p> {
    path: Option<&'p ListPath>,
    sql: String,
    /// Why the list cannot be asked for at all.
    failure: Option<String>,
}

impl Coverage {
    pub fn served(&self) -> usize {
        self.statements - self.unserved.len()
    }

    /// Hundredths of a hundred are not rounded up.
    pub fn is_enough(&self) -> bool {
        let has_all_lists = self.unserved.iter().all(|unserved| unserved.list.is_none());
        has_all_lists && self.served() * 100 >= self.statements * LEAST_PERCENT
    }

    pub fn unserved_lists(&self) -> usize {
        let mut names: Vec<&String> =
            self.unserved.iter().filter(|unserved| unserved.list.is_some()).map(|unserved| &unserved.name).collect();
        names.dedup();
        names.len()
    }
}

/// Looks at every declared list and at Hardpan's own statements: on SQLite in a scratch database, and on PostgreSQL, if that is where the app's
/// database is, by asking for plans alone. Errors: the database cannot be reached or is not up to date.
pub async fn coverage(config: Config, declaration: Arc<Declaration>) -> Result<Vec<Coverage>> {
    let paths = list_paths(&declaration, kernel::Clock::now(&SystemClock));
    let recording = Recording::default();
    let assemble::Scratch { foundation, folder } =
        Box::pin(assemble::Scratch::open(config.clone(), Arc::clone(&declaration), Some(recording.clone()))).await?;
    let (db, asked) = record(foundation, &recording, &paths).await?;
    let mut coverages = vec![explain(&db, &paths, &asked).await?];
    db.close().await;
    drop(folder);
    if Dialect::of_url(config.database.url.expose())? == Dialect::Postgres {
        coverages.push(Box::pin(on_postgres(config, declaration, &paths, asked)).await?);
    }
    Ok(coverages)
}

/// Asks everything of a scratch database, and hears the statements.
async fn record<'p>(
    foundation: Foundation,
    recording: &Recording,
    paths: &'p [ListPath],
) -> Result<(Db, Vec<Asked<'p>>)> {
    foundation.prepare().await?;
    let source = foundation.source.clone();
    let system = source.system("plans");
    foundation.records()?.put_samples(&system).await?;
    let server = foundation.build().await?;
    recording.take();
    let mut asked = record_lists(&server.records, &source, recording, paths).await;
    server.records.touch_samples(&system).await;
    tour::walk(&server).await?;
    asked.extend(recording.take().into_iter().map(|sql| Asked { path: None, sql, failure: None }));
    Ok((source.db, asked))
}

async fn record_lists<'p>(
    records: &Records,
    source: &Source,
    recording: &Recording,
    paths: &'p [ListPath],
) -> Vec<Asked<'p>> {
    let mut asked = Vec::new();
    for path in paths {
        recording.take();
        if let Err(error) = records.walk(source, path).await {
            asked.push(Asked { path: Some(path), sql: String::new(), failure: Some(told(&error)) });
        }
        asked.extend(recording.take().into_iter().map(|sql| Asked { path: Some(path), sql, failure: None }));
    }
    asked
}

/// The same lists as PostgreSQL would be asked for them, and what SQLite was asked besides.
async fn on_postgres(
    config: Config,
    declaration: Arc<Declaration>,
    paths: &[ListPath],
    others: Vec<Asked<'_>>,
) -> Result<Coverage> {
    let (clock, random) = (Arc::new(SystemClock), Arc::new(OsRandom));
    let foundation = assemble::open(config.clone(), Arc::clone(&declaration), clock.clone(), random.clone()).await?;
    let is_in_order = foundation.state().await?.is_in_order();
    foundation.source.db.close().await;
    if !is_in_order {
        let detail =
            "The PostgreSQL database is not up to date, so its plans mean nothing. Run `hardpan migrate apply` first.";
        return Err(Error::new(Code::Internal).with_detail(detail));
    }
    let recording = Recording::rehearsal();
    let options = store::Options { recording: Some(recording.clone()), ..assemble::database_options(&config) };
    let db = Db::open(options).await?;
    let source = Source { db: db.clone(), clock, random };
    let records = Foundation::new(config, declaration, source.clone())?.records()?;
    let mut asked = record_lists(&records, &source, &recording, paths).await;
    // Lists were asked for anew, in this engine's words.
    for other in others.into_iter().filter(|other| other.path.is_none()) {
        let is_known = asked.iter().any(|known| known.sql == other.sql && known.name() == other.name());
        if !is_known {
            asked.push(other);
        }
    }
    let coverage = explain(&db, paths, &asked).await;
    db.close().await;
    coverage
}

impl Asked<'_> {
    fn name(&self) -> String {
        self.path.map_or_else(|| store::statement::name(&self.sql), |path| path.name.clone())
    }

    /// Whether the plan costs as much in a large table as in a small one.
    fn is_served(&self, plan: &Plan) -> bool {
        // Walking a table's index passes over every record that is not asked for.
        let walks = |table: &String| self.path.is_some_and(|path| !path.is_open && path.resource.name == *table);
        plan.is_served() && !plan.steps.iter().any(|step| matches!(&step.reach, Reach::Walk(table) if walks(table)))
    }
}

async fn explain(db: &Db, paths: &[ListPath], asked: &[Asked<'_>]) -> Result<Coverage> {
    let mut coverage = Coverage {
        engine: db.dialect().name(),
        statements: 0,
        lists: paths.len(),
        unserved: Vec::new(),
        foreign: Vec::new(),
    };
    for one in asked {
        let list = one.path.map(|path| (path.resource.name.clone(), path.index.clone()));
        let unplanned = |why: String| Unserved {
            name: one.name(),
            sql: one.sql.clone(),
            plan: format!("no plan: {why}"),
            list: list.clone(),
            is_planned: false,
        };
        if let Some(failure) = &one.failure {
            coverage.statements += 1;
            coverage.unserved.push(unplanned(failure.clone()));
            continue;
        }
        let plan = match db.explain(&one.sql).await {
            Ok(plan) => plan,
            Err(error) if error.code() == Code::Internal && one.path.is_some() => {
                coverage.statements += 1;
                coverage.unserved.push(unplanned(told(&error)));
                continue;
            }
            Err(error) if error.code() == Code::Internal => {
                tracing::debug!(?error, sql = one.sql, "a statement has no plan here");
                coverage.foreign.push(one.name());
                continue;
            }
            Err(error) => return Err(error),
        };
        if !plan.steps.iter().any(|step| !matches!(step.reach, Reach::Other | Reach::Sort)) {
            continue;
        }
        coverage.statements += 1;
        if !one.is_served(&plan) {
            let (name, sql) = (one.name(), one.sql.clone());
            coverage.unserved.push(Unserved { name, sql, plan: plan.to_string(), list, is_planned: true });
        }
    }
    Ok(coverage)
}

/// An error with its causes, on one line.
fn told(error: &Error) -> String {
    let fields = error.fields().iter().map(|field| format!("{} {}", field.field, field.message));
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    let all = std::iter::once(error.detail().to_owned()).chain(fields).chain(causes.map(ToString::to_string));
    all.collect::<Vec<_>>().join(" ")
}
