//! A chunk of rows in one transaction: what can be told beforehand is refused row by row, the rest is written together.
use std::{collections::HashMap, sync::Arc};

use ::store::{Ctx, Tx};
use kernel::{Code, Error, FieldError, Result, UserId, Value};
use platform::audit::{self, Entry};
use serde_json::json;

use super::{
    draft::Draft,
    facts::{Digest, Facts, Objection, Seen, digest},
    prepared::Prepared,
};
use crate::{
    records::{Record, store},
    schema::{Declaration, Resource, place},
    search::Document,
};

/// What every chunk of an import knows.
pub(super) struct Job {
    pub declaration: Arc<Declaration>,
    pub resource: Arc<Resource>,
    /// Whose the rows are that do not say.
    pub owner: Option<UserId>,
    /// The columns that tell which record a row is about; none: rows make new records.
    pub key: Vec<usize>,
    pub is_dry_run: bool,
}

/// What became of a row.
#[derive(Clone, Debug)]
pub(super) enum Verdict {
    Created,
    Updated,
    Unchanged,
    /// A later row may change that.
    Waits(Vec<FieldError>),
    Refused(Vec<FieldError>),
}

impl Job {
    /// Judges the rows in their order and writes those that are good, unless this is a dry run. Errors: another transaction
    /// was quicker, or the database is away; then nothing of the chunk is written.
    pub async fn run(&self, tx: &mut Tx<'_>, ctx: &Ctx, rows: &[Prepared], seen: &mut Seen) -> Result<Vec<Verdict>> {
        let mut there = self.there(tx, rows).await?;
        let drafts: Vec<Result<Draft, Vec<FieldError>>> = rows
            .iter()
            .map(|row| match self.key_of(row).and_then(|key| there.remove(&key)) {
                Some(before) => Draft::of(before, row, ctx.now()),
                None => Draft::new(ctx, &self.resource, self.owner, row),
            })
            .collect();
        let good: Vec<&Draft> = drafts.iter().filter_map(|draft| draft.as_ref().ok()).collect();
        let facts = Facts::gather(tx, &self.declaration, &self.resource, &good).await?;
        let mut verdicts = Vec::with_capacity(rows.len());
        let mut created = 0;
        for (row, draft) in rows.iter().zip(drafts) {
            let verdict = match draft {
                // The database does not have it, but it would.
                _ if self.is_dry_run && self.key_of(row).is_some_and(|key| seen.has(key)) => Verdict::Updated,
                Err(errors) => Verdict::Refused(errors),
                Ok(draft) => match facts.judge(&draft, seen, !self.key.is_empty()) {
                    Err(Objection::Waits(errors)) => Verdict::Waits(errors),
                    Err(Objection::Refused(errors)) => Verdict::Refused(errors),
                    Ok(()) => self.write(tx, ctx, &draft, row.document.as_deref()).await?,
                },
            };
            created += u64::from(matches!(verdict, Verdict::Created));
            verdicts.push(verdict);
        }
        if created > 0 && !self.is_dry_run {
            let entry =
                Entry::new("records.imported", &self.resource.name, Value::Null).after(json!({"rows": created}));
            audit::record(tx, ctx, entry).await?;
        }
        Ok(verdicts)
    }

    async fn write(&self, tx: &mut Tx<'_>, ctx: &Ctx, draft: &Draft, document: Option<&Document>) -> Result<Verdict> {
        let Draft { before, after } = draft;
        if !draft.is_change() {
            return Ok(Verdict::Unchanged);
        }
        if self.is_dry_run {
            return Ok(if before.is_some() { Verdict::Updated } else { Verdict::Created });
        }
        let Some(before) = before else {
            store::insert(tx, after, document).await?;
            return Ok(Verdict::Created);
        };
        if !store::update(tx, before, after).await? {
            return Err(Error::new(Code::VersionMismatch));
        }
        let entry = Entry::new("record.updated", &self.resource.name, before.id()?).before(before).after(after);
        audit::record(tx, ctx, entry).await?;
        Ok(Verdict::Updated)
    }

    /// The records that the rows are about.
    async fn there(&self, tx: &mut Tx<'_>, rows: &[Prepared]) -> Result<HashMap<Digest, Record>> {
        let tuple = |row: &Prepared| -> Option<Vec<Value>> {
            self.key_of(row)?;
            self.key.iter().map(|place| row.given(*place).cloned()).collect()
        };
        let wanted: Vec<Vec<Value>> = rows.iter().filter_map(tuple).collect();
        // Only an id is one record's for ever.
        let only_live = self.key != [place::ID];
        let found = store::having(tx, &self.resource, &self.key, &wanted, only_live).await?;
        let by_key = |record: Record| Some((digest(&self.key, |place| record.values.get(place))?, record));
        Ok(found.into_iter().filter_map(by_key).collect())
    }

    /// Stands for the record that a row is about, if it says.
    pub fn key_of(&self, row: &Prepared) -> Option<Digest> {
        if self.key.is_empty() { None } else { digest(&self.key, |place| row.given(place)) }
    }
}
