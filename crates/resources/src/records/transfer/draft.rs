//! What a row would make of the database: a new record, or another version of one.
use std::sync::Arc;

use ::store::Ctx;
use kernel::{FieldError, Timestamp, UserId, Value, id::uuid_v7};

use super::prepared::Prepared;
use crate::{
    records::Record,
    schema::{Owner, Resource, place},
};

pub(super) struct Draft {
    pub before: Option<Record>,
    pub after: Record,
}

impl Draft {
    /// The new record. Errors: what it lacks.
    pub fn new(
        ctx: &Ctx,
        resource: &Arc<Resource>,
        owner: Option<UserId>,
        row: &Prepared,
    ) -> Result<Self, Vec<FieldError>> {
        let declared = row.whole.as_ref().map_err(Clone::clone)?;
        let mut values = vec![Value::Null; resource.columns.len()];
        let now = ctx.now();
        let owner = owner.filter(|_| resource.owner == Owner::User);
        let made: [(usize, Value); 4] = [
            (place::OWNER_ID, owner.into()),
            (place::CREATED_AT, now.into()),
            (place::UPDATED_AT, now.into()),
            (place::VERSION, 1.into()),
        ];
        for (index, value) in made.iter().chain(declared).chain(&row.own) {
            set(&mut values, *index, value.clone());
        }
        if values.get(place::ID).is_none_or(Value::is_null) {
            // Ids tell when a record was made, and lists go by them.
            let at = match values.get(place::CREATED_AT) {
                Some(Value::Timestamp(at)) => *at,
                _ => now,
            };
            set(&mut values, place::ID, uuid_v7(at, ctx.random()).into());
        }
        if resource.owner == Owner::User && values.get(place::OWNER_ID).is_none_or(Value::is_null) {
            return Err(vec![FieldError::new("owner_id", "missing", "is required where --owner is not given")]);
        }
        Ok(Self { before: None, after: Record { resource: Arc::clone(resource), values } })
    }

    /// What was there with what the row names; its version and times are made anew. Errors: it is another record after all.
    pub fn of(before: Record, row: &Prepared, now: Timestamp) -> Result<Self, Vec<FieldError>> {
        let mut after = before.clone();
        for (index, value) in &row.own {
            match *index {
                place::ID | place::OWNER_ID if before.values.get(*index) != Some(value) => {
                    let name = if *index == place::ID { "id" } else { "owner_id" };
                    let message = "is not that of the record which is there; an import does not change it";
                    return Err(vec![FieldError::new(name, "fixed", message)]);
                }
                place::DELETED_AT => set(&mut after.values, *index, value.clone()),
                _ => {}
            }
        }
        for (index, value) in &row.part {
            set(&mut after.values, *index, value.clone());
        }
        if after.values != before.values {
            set(&mut after.values, place::UPDATED_AT, now.into());
            set(&mut after.values, place::VERSION, (before.version() + 1).into());
        }
        Ok(Self { before: Some(before), after })
    }

    /// Whether there is something to write.
    pub fn is_change(&self) -> bool {
        self.before.as_ref().is_none_or(|before| before.values != self.after.values)
    }
}

fn set(values: &mut [Value], index: usize, value: Value) {
    if let Some(place) = values.get_mut(index) {
        *place = value;
    }
}
