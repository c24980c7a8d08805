//! Rules for migration files: each applied once, in order, in a transaction of its own, and only to the tables it was written for.
use std::sync::Arc;

use ::store::{
    Ctx, Tx,
    migrate::{self, State, Status},
};
use futures_util::FutureExt as _;
use kernel::{Error, Result};

use super::change;
use crate::schema::{
    Declaration, MIGRATIONS, MigrationFile, Plan, Step, Undeclared, Work,
    file::{self, digest},
    shape::Shapes,
    store,
};

/// How a database stands to the declaration and to the files.
#[derive(Clone, Debug)]
pub struct Standing {
    pub files: Vec<Status>,
    /// What is left once the files are applied.
    pub plan: Plan,
}

/// What the database has recorded: its declared tables, and the files that were applied with their checksums.
struct Recorded {
    shapes: Shapes,
    applied: Vec<(String, String)>,
}

/// Errors: a file cannot be applied to these tables.
pub async fn standing(ctx: &Ctx, declaration: &Declaration, files: &[MigrationFile]) -> Result<Standing> {
    let recorded = recorded(ctx).await?;
    let pending = pending(files, &recorded.applied);
    let (mut after, mut misfit) = (recorded.shapes, None);
    for file in pending {
        match judge(&after, file, true) {
            Verdict::Settled => {}
            Verdict::Misfit(why) => {
                misfit = Some(why);
                break;
            }
            Verdict::Fits | Verdict::Destructive(_) => after = follow(&after, &[file]).0,
        }
    }
    let mut plan = Plan::make(&after, declaration, Undeclared::Keep);
    plan.refuse_destructive();
    plan.refused.extend(misfit);
    Ok(Standing { files: compare(files, &recorded.applied), plan })
}

/// The text of the file that is missing, with its steps; `None` when nothing is. It starts where the files lead, or where the
/// database is when there are none.
///
/// Errors: the database is in a state that no file knows; a step that cannot be planned.
pub async fn diff(
    ctx: &Ctx,
    declaration: &Declaration,
    files: &[MigrationFile],
    undeclared: Undeclared,
) -> Result<Option<(String, Vec<Step>)>> {
    let from = base(files, recorded(ctx).await?.shapes)?;
    let plan = Plan::make(&from, declaration, undeclared);
    if !plan.refused.is_empty() {
        return Err(refused(format!("No migration can be written: {}.", plan.refused.join("; "))));
    }
    if plan.steps.is_empty() {
        return Ok(None);
    }
    let text = file::text(&from, &plan.steps, &plan.shapes).map_err(Error::internal)?;
    Ok(Some((text, plan.steps)))
}

/// Where the files lead, from nothing when they begin there, otherwise from the database.
fn base(files: &[MigrationFile], database: Shapes) -> Result<Shapes> {
    let Some(first) = files.first() else { return Ok(database) };
    let (start, rest) = if first.from == digest(&Shapes::new()) {
        (Shapes::new(), files)
    } else {
        let now = digest(&database);
        let reached = files.iter().rposition(|file| file.to == now).map(|last| last + 1);
        let reached = reached.or_else(|| files.iter().position(|file| file.from == now));
        let Some(next) = reached else {
            let detail = "The database is in a state that no file in migrations/ starts from or leads to.";
            return Err(refused(detail.to_owned()));
        };
        (database, &files[next..])
    };
    match follow(&start, &rest.iter().collect::<Vec<_>>()) {
        (end, None) => Ok(end),
        (_, Some(misfit)) => Err(refused(format!("{misfit}."))),
    }
}

/// Applies what is pending, in order, and says what. With `stop_at_misfit` the first file that was written for other tables ends it;
/// otherwise it is an error.
///
/// Errors: an applied file has changed; a file may lose data and nobody allowed it; rows stand in the way.
pub async fn apply_files(
    ctx: &Ctx,
    files: &[MigrationFile],
    allow_destructive: bool,
    stop_at_misfit: bool,
) -> Result<Vec<String>> {
    ctx.actor.require_system()?;
    let mut applied = Vec::new();
    let files: Arc<[MigrationFile]> = files.into();
    loop {
        let files = Arc::clone(&files);
        let next = ctx.alter(move |ctx, tx| {
            async move { apply_next(&ctx, tx, &files, allow_destructive, stop_at_misfit).await }.boxed()
        });
        match next.await? {
            Some(done) => applied.extend(done),
            None => return Ok(applied),
        }
    }
}

/// Applies the first pending file, unless another node has been quicker, and says what was done.
async fn apply_next(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    files: &[MigrationFile],
    allow_destructive: bool,
    stop_at_misfit: bool,
) -> Result<Option<Vec<String>>> {
    let applied = store::applied(tx).await?;
    if let Some(changed) = compare(files, &applied).iter().find(|status| status.state == State::Changed) {
        return Err(refused(format!("{}.", was_changed(&changed.id))));
    }
    let Some(next) = pending(files, &applied).into_iter().next() else { return Ok(None) };
    let shapes = store::recorded(tx).await?;
    let mut done = vec![next.id.clone()];
    match judge(&shapes, next, allow_destructive) {
        Verdict::Settled => {}
        Verdict::Misfit(_) if stop_at_misfit => return Ok(None),
        Verdict::Misfit(why) | Verdict::Destructive(why) => return Err(refused(format!("{why}."))),
        Verdict::Fits => {
            change(tx, ctx, &shapes, &next.steps).await?;
            done.extend(next.steps.iter().map(|step| format!("  {step}")));
        }
    }
    store::record_file(tx, &next.id, &next.checksum, ctx.now()).await?;
    tracing::info!(migration = next.id, "applied");
    Ok(Some(done))
}

/// Takes every pending file for applied when the tables are where the last one leads to.
pub async fn settle_files(ctx: &Ctx, files: &[MigrationFile]) -> Result<()> {
    ctx.actor.require_system()?;
    let files: Vec<MigrationFile> = files.to_vec();
    if files.is_empty() {
        return Ok(());
    }
    ctx.write(move |ctx, tx| {
        async move {
            let now = digest(&store::recorded(tx).await?);
            if files.last().is_none_or(|last| last.to != now) {
                return Ok(());
            }
            for file in pending(&files, &store::applied(tx).await?) {
                store::record_file(tx, &file.id, &file.checksum, ctx.now()).await?;
            }
            Ok(())
        }
        .boxed()
    })
    .await
}

/// How files and the app file are followed.
#[derive(Clone, Copy, Debug)]
pub struct Ways {
    pub allow_destructive: bool,
    /// The first file that was written for other tables ends the files; otherwise it is an error.
    pub stop_at_misfit: bool,
    /// The app file is followed after the files, without one.
    pub follow_app_file: bool,
}

/// What would be done.
#[derive(Debug, Default)]
pub struct Preview {
    pub sections: Vec<Section>,
    /// Why it would end after that.
    pub refused: Vec<String>,
    /// Whether the tables would be what the app file wants.
    pub is_followed: bool,
}

/// A file, or the app file, and its statements.
#[derive(Debug)]
pub struct Section {
    pub title: String,
    pub works: Vec<Work>,
    /// Those of its steps that may lose data.
    pub destructive: Vec<String>,
}

/// What the files and then the declaration would do on this engine, judged as when they are applied.
///
/// Errors: a step cannot be planned.
pub async fn preview(ctx: &Ctx, declaration: &Declaration, files: &[MigrationFile], ways: Ways) -> Result<Preview> {
    let Recorded { mut shapes, applied } = recorded(ctx).await?;
    let dialect = ctx.db().dialect();
    let section = |shapes: &Shapes, title: &str, steps: &[Step]| {
        let destructive = steps.iter().filter(|step| step.is_destructive()).map(ToString::to_string).collect();
        let (works, after) = store::works(dialect, shapes, steps).map_err(refused)?;
        Ok::<_, Error>((Section { title: title.to_owned(), works, destructive }, after))
    };
    let mut preview = Preview::default();
    if let Some(changed) = compare(files, &applied).iter().find(|status| status.state == State::Changed) {
        preview.refused.push(was_changed(&changed.id));
        return Ok(preview);
    }
    for file in pending(files, &applied) {
        match judge(&shapes, file, ways.allow_destructive) {
            Verdict::Settled => preview.sections.push(section(&shapes, &file.id, &[])?.0),
            Verdict::Misfit(_) if ways.stop_at_misfit => break,
            Verdict::Misfit(why) => {
                preview.refused.push(why);
                return Ok(preview);
            }
            verdict => {
                let (done, after) = section(&shapes, &file.id, &file.steps)?;
                preview.sections.push(done);
                if let Verdict::Destructive(why) = verdict {
                    preview.refused.push(why);
                    return Ok(preview);
                }
                shapes = after;
            }
        }
    }
    let drops = ways.follow_app_file && ways.allow_destructive;
    let mut plan = Plan::make(&shapes, declaration, if drops { Undeclared::Drop } else { Undeclared::Keep });
    preview.is_followed = plan.is_empty();
    if ways.follow_app_file {
        if !ways.allow_destructive {
            plan.refuse_destructive();
        }
        if !plan.steps.is_empty() {
            preview.sections.push(section(&shapes, "the app file", &plan.steps)?.0);
        }
        preview.refused.extend(plan.refused);
    }
    Ok(preview)
}

/// What is to be done with a file that was not applied.
enum Verdict {
    /// To be noted: the tables are where it leads to. In development the app file is followed at once.
    Settled,
    Fits,
    /// Why it cannot be applied to these tables.
    Misfit(String),
    /// Nobody allowed what it may lose.
    Destructive(String),
}

fn judge(shapes: &Shapes, file: &MigrationFile, allow_destructive: bool) -> Verdict {
    if file.to == digest(shapes) {
        return Verdict::Settled;
    }
    if let (_, Some(misfit)) = follow(shapes, &[file]) {
        return Verdict::Misfit(misfit);
    }
    if file.is_destructive() && !allow_destructive {
        let steps = file.steps.iter().filter(|step| step.is_destructive()).map(ToString::to_string);
        let steps = steps.collect::<Vec<_>>().join("; ");
        return Verdict::Destructive(format!("{} may lose data ({steps}); --allow-destructive lets it", file.id));
    }
    Verdict::Fits
}

fn was_changed(id: &str) -> String {
    format!("The migration {id} was applied and has changed since")
}

/// The shapes the files lead to, and the first that does not fit what is before it.
fn follow(shapes: &Shapes, files: &[&MigrationFile]) -> (Shapes, Option<String>) {
    let mut shapes = shapes.clone();
    for file in files {
        let now = digest(&shapes);
        if file.from != now {
            let why = format!("{} was written for other tables than there are (digest {now})", file.id);
            return (shapes, Some(why));
        }
        for step in &file.steps {
            if let Err(why) = step.change(&mut shapes) {
                return (shapes, Some(format!("{}: {step}: {why}", file.id)));
            }
        }
        if file.to != digest(&shapes) {
            let why = format!("the steps of {} lead elsewhere than it says; write it anew with migrate diff", file.id);
            return (shapes, Some(why));
        }
    }
    (shapes, None)
}

async fn recorded(ctx: &Ctx) -> Result<Recorded> {
    ctx.actor.require_system()?;
    let own = migrate::status(ctx, &MIGRATIONS).await?;
    let is_applied = |nth: usize| {
        let id = MIGRATIONS.get(nth).map(|migration| migration.id);
        own.iter().any(|status| Some(status.id.as_str()) == id && status.state == State::Applied)
    };
    let (has_tables, has_files) = (is_applied(0), is_applied(1));
    ctx.read(move |_, tx| {
        async move {
            let shapes = if has_tables { store::recorded(tx).await? } else { Shapes::new() };
            let applied = if has_files { store::applied(tx).await? } else { Vec::new() };
            Ok(Recorded { shapes, applied })
        }
        .boxed()
    })
    .await
}

fn pending<'f>(files: &'f [MigrationFile], applied: &[(String, String)]) -> Vec<&'f MigrationFile> {
    files.iter().filter(|file| applied.iter().all(|(id, _)| *id != file.id)).collect()
}

/// The state of each file, and of those that were applied and are gone.
fn compare(files: &[MigrationFile], applied: &[(String, String)]) -> Vec<Status> {
    let state = |file: &MigrationFile| match applied.iter().find(|(id, _)| *id == file.id) {
        None => State::Pending,
        Some((_, checksum)) if *checksum == file.checksum => State::Applied,
        Some(_) => State::Changed,
    };
    let mut all: Vec<Status> = files.iter().map(|file| Status { id: file.id.clone(), state: state(file) }).collect();
    let unknown = applied.iter().filter(|(id, _)| files.iter().all(|file| file.id != *id));
    all.extend(unknown.map(|(id, _)| Status { id: id.clone(), state: State::Unknown }));
    all.sort_by(|one, other| one.id.cmp(&other.id));
    all
}

fn refused(detail: String) -> Error {
    Error::internal(detail.clone()).with_detail(detail)
}
