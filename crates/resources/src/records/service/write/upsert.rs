//! Creating a record, or changing the one that has the same unique key.
use std::sync::Arc;

use ::store::{Ctx, Tx};
use futures_util::FutureExt as _;
use kernel::{Error, FieldError, Result, Value, rule::Bound};
use serde_json::{Map, Value as Json};

use super::{
    super::{
        super::{
            Record, Shown,
            codec::Outcome,
            input::{Input, Unnamed},
            store,
        },
        Records,
        access::{allowed, holds},
    },
    change::{Mode, Writer, set},
    fields,
};
use crate::schema::{Operation, Resource, unique_index};

/// What an upsert did.
#[derive(Clone, Debug)]
pub struct Upserted {
    pub record: Shown,
    /// Created now, not changed.
    pub is_new: bool,
}

impl Records {
    /// Creates a record, unless there is one with the same values of `key` that the caller may read and change: then its fields
    /// get the values that are given. `key` is one of [`Resource::unique_keys`].
    ///
    /// Errors: as of a create, 409 also for a record of this key that the caller may not read or change.
    pub async fn upsert(
        &self,
        ctx: &Ctx,
        resource: &Arc<Resource>,
        key: &[String],
        body: Map<String, Json>,
    ) -> Result<Upserted> {
        let key: Arc<[usize]> = key.iter().filter_map(|name| Some(resource.column(name)?.0)).collect();
        let input = fields::parse(ctx, resource, body, Unnamed::Unset)?;
        let constraint = {
            let names = key.iter().filter_map(|index| Some(resource.columns.get(*index)?.name.clone()));
            unique_index(&resource.name, &names.collect::<Vec<_>>())
        };
        let once = || {
            let (records, resource, key, input) = (self.clone(), Arc::clone(resource), Arc::clone(&key), input.clone());
            ctx.write_once(Outcome(Arc::clone(&resource)), move |ctx, tx| {
                async move {
                    let writer = Writer::new(&ctx, &records, &resource);
                    let (record, is_new) = writer.upsert(tx, &key, input).await?;
                    let record = writer.view().show(tx, records.declaration(), record).await?;
                    Ok(Upserted { record, is_new })
                }
                .boxed()
            })
        };
        match once().await {
            // Somebody else created it after it was looked for: now it is there to be found.
            Err(error) if ::store::violated(&error) == Some(&constraint) => once().await,
            answer => answer,
        }
    }
}

impl Writer<'_> {
    async fn upsert(&self, tx: &mut Tx<'_>, key: &[usize], mut input: Input) -> Result<(Record, bool)> {
        let id = self.new_id();
        let mut sought = self.new_record(id);
        input.values().for_each(|(index, value)| set(&mut sought, index, value));
        let values: Vec<(usize, Value)> =
            key.iter().map(|index| (*index, sought.values.get(*index).cloned().unwrap_or(Value::Null))).collect();
        if let Some((before, rule)) = self.twin(tx, &values).await? {
            // They say which record is meant, and are the same.
            for index in key {
                input.forget(*index);
            }
            return Ok((self.change(tx, before, &rule, input, Mode::Assign).await?, false));
        }
        // One that is wrong is told so below.
        let is_missing = |(index, value): &&(usize, Value)| value.is_null() && !input.is_wrong(*index);
        let missing = values.iter().find(is_missing).and_then(|(index, _)| self.resource.columns.get(*index));
        if let Some(column) = missing {
            let error = FieldError::new(&column.name, "missing", "is what the record is known by");
            return Err(Error::invalid(vec![error]));
        }
        Ok((self.create(tx, id, input).await?, true))
    }

    /// The record with these values that the actor may read and change, and sees them of.
    async fn twin(&self, tx: &mut Tx<'_>, values: &[(usize, Value)]) -> Result<Option<(Record, Bound)>> {
        let (Ok(read), Ok(update)) =
            (allowed(self.ctx, self.resource, Operation::Read), allowed(self.ctx, self.resource, Operation::Update))
        else {
            return Ok(None);
        };
        if values.iter().any(|(_, value)| value.is_null()) {
            return Ok(None);
        }
        let Some(id) = store::find_by_key(tx, self.resource, values).await? else { return Ok(None) };
        let Some(found) = store::held(tx, self.resource, &[id]).await?.pop() else {
            return Ok(None);
        };
        // It may have changed while it was waited for.
        let is_same = values.iter().all(|(index, value)| found.values.get(*index) == Some(value));
        let mut is_open = is_same
            && holds(tx, self.declaration, &read, &found).await?
            && holds(tx, self.declaration, &update, &found).await?;
        for (index, _) in values {
            is_open = is_open && self.view().sees(tx, self.declaration, &found, *index).await?;
        }
        Ok(is_open.then_some((found, update)))
    }
}
