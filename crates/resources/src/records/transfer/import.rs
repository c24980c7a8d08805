//! Reading records in, a chunk at a time.
use std::{collections::HashSet, io::Read, mem, sync::Arc};

use ::store::Ctx;
use futures_util::FutureExt as _;
use kernel::{Code, Error, FieldError, Result, UserId, error::Kind};

use super::{
    CHUNK_BYTES, CHUNK_ROWS, Format, Refusal,
    chunk::{Job, Verdict},
    facts::{Digest, Seen},
    prepared::Prepared,
    rows::{Next, Row, Rows},
    spill::Spill,
};
use crate::{
    records::Records,
    schema::{Owner, Resource},
};

/// How a file becomes records.
#[derive(Clone, Debug)]
pub struct Import {
    pub format: Format,
    /// Whose the rows are that do not say.
    pub owner: Option<UserId>,
    /// The unique field or fields, or `id`, that tell which record a row is about; none: every row makes a new one.
    pub upsert: Vec<String>,
    /// Checks everything and writes nothing.
    pub is_dry_run: bool,
}

/// What became of the rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    pub created: u64,
    pub updated: u64,
    pub unchanged: u64,
    pub refused: u64,
}

/// Who looks on.
pub trait Watch {
    /// After each chunk.
    fn progress(&mut self, summary: &Summary);

    /// Each row that is not taken. Errors end the import.
    fn refused(&mut self, refusal: &Refusal) -> Result<()>;
}

impl Records {
    /// Reads `input` into `resource`: each row is checked as a create is, keeps the id, owner, times and version it gives, and is
    /// refused by itself. Rows that refer to later ones are tried again at the end, until that helps no more.
    ///
    /// What is written is written in whole chunks. Errors: 400 for options that do not fit; 422 for a header that does not; 503
    /// when file or database are away: what was written before stays.
    pub async fn import(
        &self,
        ctx: &Ctx,
        resource: &Arc<Resource>,
        import: &Import,
        input: Box<dyn Read + Send + '_>,
        watch: &mut (dyn Watch + Send),
    ) -> Result<Summary> {
        ctx.actor.require_system()?;
        let job = Job {
            declaration: Arc::clone(self.declaration()),
            resource: Arc::clone(resource),
            owner: owner(resource, import.owner)?,
            key: key(resource, &import.upsert)?,
            is_dry_run: import.is_dry_run,
        };
        let kind_of = |name: &str| resource.column(name).map(|(_, column)| column.kind.clone());
        let mut rows = Rows::open(kind_of, import.format, input)?;
        let mut run = Run::new(ctx, job, watch)?;
        while let Some(next) = rows.read()? {
            match next {
                Next::Row(row) => run.take(row).await?,
                Next::Refused(refusal) => run.refuse(&refusal)?,
            }
        }
        run.flush().await?;
        run.settle().await?;
        Ok(run.summary)
    }
}

fn owner(resource: &Resource, owner: Option<UserId>) -> Result<Option<UserId>> {
    match (resource.owner, owner) {
        (Owner::None, Some(_)) => Err(bad("owner", format!("{} belong to nobody", resource.name))),
        (_, owner) => Ok(owner),
    }
}

fn key(resource: &Resource, names: &[String]) -> Result<Vec<usize>> {
    let is_unique = resource.unique_keys().iter().any(|key| key == names);
    if names.is_empty() || names == ["id"] || is_unique {
        return Ok(names.iter().filter_map(|name| resource.column(name)).map(|(index, _)| index).collect());
    }
    Err(bad("upsert", format!("neither `id` nor unique together: {}", names.join(","))))
}

fn bad(what: &str, message: String) -> Error {
    Error::new(Code::BadQuery)
        .with_detail("How to import cannot be told.")
        .with_field(FieldError::new(what, "invalid", message))
}

/// An import under way.
struct Run<'i> {
    ctx: &'i Ctx,
    job: Arc<Job>,
    watch: &'i mut (dyn Watch + Send),
    summary: Summary,
    chunk: Vec<Prepared>,
    chunk_bytes: usize,
    /// The records the chunk is about: it is about each once, so that the last row about one counts.
    keys: HashSet<Digest>,
    /// What a dry run would have written.
    seen: Seen,
    /// Whether another row may still help a row that waits.
    may_wait: bool,
    waiting: Spill,
}

impl<'i> Run<'i> {
    fn new(ctx: &'i Ctx, job: Job, watch: &'i mut (dyn Watch + Send)) -> Result<Self> {
        let resource = &job.resource;
        let to_itself = |column: &crate::schema::Column| {
            column.reference.as_ref().is_some_and(|reference| reference.to == resource.name)
        };
        let may_wait = !job.key.is_empty() || resource.columns.iter().any(to_itself);
        Ok(Self {
            ctx,
            job: Arc::new(job),
            watch,
            summary: Summary::default(),
            chunk: Vec::new(),
            chunk_bytes: 0,
            keys: HashSet::new(),
            seen: Seen::default(),
            may_wait,
            waiting: Spill::new()?,
        })
    }

    async fn take(&mut self, row: Row) -> Result<()> {
        let prepared = match Prepared::new(&self.job.resource, row, !self.job.key.is_empty()) {
            Ok(prepared) => prepared,
            Err(refusal) => return self.refuse(&refusal),
        };
        let key = self.job.key_of(&prepared);
        if key.is_some_and(|key| self.keys.contains(&key)) {
            self.flush().await?;
        }
        self.keys.extend(key);
        self.chunk_bytes += prepared.row.bytes;
        self.chunk.push(prepared);
        if self.chunk.len() >= CHUNK_ROWS || self.chunk_bytes >= CHUNK_BYTES { self.flush().await } else { Ok(()) }
    }

    fn refuse(&mut self, refusal: &Refusal) -> Result<()> {
        self.summary.refused += 1;
        self.watch.refused(refusal)
    }

    /// Writes the chunk. If it cannot be written whole, each row is written by itself.
    async fn flush(&mut self) -> Result<()> {
        let rows = Arc::new(mem::take(&mut self.chunk));
        self.chunk_bytes = 0;
        self.keys.clear();
        if rows.is_empty() {
            return Ok(());
        }
        match self.run(&rows, 0, rows.len()).await {
            Ok(verdicts) => {
                for (prepared, verdict) in rows.iter().zip(verdicts) {
                    self.note(&prepared.row, verdict)?;
                }
            }
            Err(error) if is_of_a_row(&error) => {
                for (at, prepared) in rows.iter().enumerate() {
                    match self.run(&rows, at, 1).await {
                        Ok(verdicts) => {
                            for verdict in verdicts {
                                self.note(&prepared.row, verdict)?;
                            }
                        }
                        Err(error) if is_of_a_row(&error) => self.refuse(&Refusal::of(prepared.row.line, &error))?,
                        Err(error) => return Err(error),
                    }
                }
            }
            Err(error) => return Err(error),
        }
        self.watch.progress(&self.summary);
        Ok(())
    }

    /// Some rows of a chunk in one transaction.
    async fn run(&mut self, rows: &Arc<Vec<Prepared>>, from: usize, count: usize) -> Result<Vec<Verdict>> {
        let (job, rows) = (Arc::clone(&self.job), Arc::clone(rows));
        if self.job.is_dry_run {
            let mut seen = mem::take(&mut self.seen);
            let judged = self.ctx.read(move |ctx, tx| {
                async move {
                    let verdicts = job.run(tx, &ctx, &rows[from..from + count], &mut seen).await?;
                    Ok((verdicts, seen))
                }
                .boxed()
            });
            let (verdicts, seen) = judged.await?;
            self.seen = seen;
            return Ok(verdicts);
        }
        let written = self.ctx.write_retried(move |ctx, tx| {
            async move { job.run(tx, &ctx, &rows[from..from + count], &mut Seen::default()).await }.boxed()
        });
        written.await
    }

    fn note(&mut self, row: &Row, verdict: Verdict) -> Result<()> {
        match verdict {
            Verdict::Created => self.summary.created += 1,
            Verdict::Updated => self.summary.updated += 1,
            Verdict::Unchanged => self.summary.unchanged += 1,
            Verdict::Waits(_) if self.may_wait => self.waiting.push(row)?,
            Verdict::Waits(errors) | Verdict::Refused(errors) => self.refuse(&Refusal::invalid(row.line, errors))?,
        }
        Ok(())
    }

    /// Tries what waits again and again, until a round helps nobody; the last round refuses. A file that goes from the newest to
    /// the oldest record needs but one round, because rounds begin at the end. Where rows change records, the last must stay last.
    async fn settle(&mut self) -> Result<()> {
        while self.waiting.rows() > 0 {
            let mut round = mem::replace(&mut self.waiting, Spill::new()?);
            let is_backward = self.job.key.is_empty();
            while let Some(rows) = if is_backward { round.pop()? } else { round.shift()? } {
                for row in rows {
                    self.take(row).await?;
                }
            }
            self.flush().await?;
            self.may_wait = self.waiting.rows() < round.rows();
        }
        Ok(())
    }
}

/// Whether one row is to blame, and not the database.
fn is_of_a_row(error: &Error) -> bool {
    matches!(error.code().kind(), Kind::Conflict | Kind::PreconditionFailed | Kind::Invalid)
}
