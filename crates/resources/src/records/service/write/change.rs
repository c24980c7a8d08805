//! The changes of single records, inside a transaction that is open: one operation or a batch makes them alike.
use std::sync::Arc;

use ::store::{Ctx, Tx};
use kernel::{Code, Error, FieldError, Result, UserId, Uuid, Value, id::uuid_v7, rule::Bound};
use platform::audit::{self, Entry};

use super::{
    super::{
        super::{
            Record, View,
            input::{self, Input, Unnamed},
            store,
        },
        Records,
        access::{allowed, denied, holds, readable, reading},
    },
    fields::{self, Fields},
    relations::{self, Reached},
};
use crate::schema::{Declaration, Operation, Owner, Resource, Stamp, place};

/// What a body does to a record that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::records) enum Mode {
    /// Fields it names change; JSON is merged into what was there.
    Patch,
    /// Fields it names are replaced, JSON as well.
    Assign,
    /// The same, and those it does not name get their defaults.
    Replace,
}

impl Mode {
    pub(super) const fn unnamed(self) -> Unnamed {
        match self {
            Self::Patch | Self::Assign => Unnamed::Kept,
            Self::Replace => Unnamed::UnsetIfWritable,
        }
    }
}

/// Writes records of one resource for one caller.
pub(super) struct Writer<'a> {
    pub ctx: &'a Ctx,
    pub declaration: &'a Declaration,
    pub resource: &'a Arc<Resource>,
    fields: Fields,
}

impl<'a> Writer<'a> {
    pub fn new(ctx: &'a Ctx, records: &'a Records, resource: &'a Arc<Resource>) -> Self {
        Self { ctx, declaration: records.declaration(), resource, fields: Fields::new(ctx, resource) }
    }

    pub const fn view(&self) -> &View {
        &self.fields.view
    }

    pub fn new_id(&self) -> Uuid {
        uuid_v7(self.ctx.now(), self.ctx.random())
    }

    pub async fn create(&self, tx: &mut Tx<'_>, id: Uuid, input: Input) -> Result<Record> {
        let rule = allowed(self.ctx, self.resource, Operation::Create)?;
        let mut record = self.new_record(id);
        // Rules of fields look at the record as it will be.
        for (index, column) in self.resource.declared() {
            set(&mut record, index, input::unset(column));
        }
        input.values().for_each(|(index, value)| set(&mut record, index, value));
        self.stamp(&mut record, &[], false);
        for (index, value) in self.settle(tx, &record, &input, Unnamed::Unset).await? {
            set(&mut record, index, value);
        }
        self.stamp(&mut record, &[], false);
        if !holds(tx, self.declaration, &rule, &record).await? {
            return Err(denied(self.ctx, Code::Forbidden));
        }
        self.check_references(tx, &record, None).await?;
        if let Err(error) = store::insert(tx, &record, input.document.as_deref()).await {
            return Err(self.name_unique(tx, &record, error).await);
        }
        let entry = Entry::new("record.created", &self.resource.name, record.id()?).after(&record);
        audit::record(tx, self.ctx, entry).await?;
        Ok(record)
    }

    /// The record as it is afterwards. `before` is held by this transaction.
    pub async fn change(
        &self,
        tx: &mut Tx<'_>,
        before: Record,
        rule: &Bound,
        input: Input,
        mode: Mode,
    ) -> Result<Record> {
        let mut after = before.clone();
        let values = self.settle(tx, &before, &input, mode.unnamed()).await?;
        let written: Vec<usize> = values.iter().map(|(index, _)| *index).collect();
        for (index, value) in values {
            let value = match mode {
                Mode::Patch => input::merged(self.resource, index, before.values.get(index), value)?,
                Mode::Assign | Mode::Replace => value,
            };
            set(&mut after, index, value);
        }
        if after.values == before.values {
            return Ok(before);
        }
        self.touch(&mut after, &written);
        if !holds(tx, self.declaration, rule, &after).await? {
            return Err(denied(self.ctx, Code::Forbidden));
        }
        self.fields.check(tx, self, &after, &written).await?;
        self.check_references(tx, &after, Some(&before)).await?;
        self.put(tx, &before, &after).await?;
        let entry = Entry::new("record.updated", &self.resource.name, before.id()?).before(&before).after(&after);
        audit::record(tx, self.ctx, entry).await?;
        Ok(after)
    }

    /// Deletes `before`, which is held by this transaction, or marks it as deleted.
    /// `reached` counts what the deletions of this transaction do beyond themselves.
    pub async fn delete(&self, tx: &mut Tx<'_>, before: Record, reached: &mut Reached) -> Result<()> {
        let id = before.id()?;
        if self.resource.is_soft_deleted {
            let mut after = before.clone();
            set(&mut after, place::DELETED_AT, self.ctx.now().into());
            self.touch(&mut after, &[]);
            self.put(tx, &before, &after).await?;
        } else {
            relations::sever(tx, self.ctx, self.declaration, self.resource, &[id], reached).await?;
            store::remove(tx, self.resource, &[id]).await?;
        }
        audit::record(tx, self.ctx, Entry::new("record.deleted", &self.resource.name, id).before(&before)).await
    }

    /// Takes back a soft deletion, where both rules hold.
    pub async fn restore(&self, tx: &mut Tx<'_>, id: Uuid, rules: [&Bound; 2]) -> Result<Record> {
        let found = store::held_deleted(tx, self.resource, id).await?;
        let [read, delete] = rules;
        let before = readable(tx, self.ctx, self.declaration, read, found).await?;
        // Of what is deleted nobody else is to know.
        let before = readable(tx, self.ctx, self.declaration, delete, Some(before)).await?;
        let mut after = before.clone();
        set(&mut after, place::DELETED_AT, Value::Null);
        self.touch(&mut after, &[]);
        self.put(tx, &before, &after).await?;
        let entry = Entry::new("record.restored", &self.resource.name, id).before(&before).after(&after);
        audit::record(tx, self.ctx, entry).await?;
        Ok(after)
    }

    /// With Hardpan's own columns; the declared ones are null.
    pub fn new_record(&self, id: Uuid) -> Record {
        let (now, columns) = (self.ctx.now(), self.resource.columns.len());
        let mut record = Record { resource: Arc::clone(self.resource), values: vec![Value::Null; columns] };
        let owner = match self.resource.owner {
            Owner::User => self.ctx.actor.user_id(),
            Owner::None => None::<UserId>,
        };
        set(&mut record, place::ID, id.into());
        set(&mut record, place::OWNER_ID, owner.into());
        set(&mut record, place::CREATED_AT, now.into());
        set(&mut record, place::UPDATED_AT, now.into());
        set(&mut record, place::VERSION, 1.into());
        record
    }

    /// Columns that are to have the time of the change; `written` have what was given.
    fn stamp(&self, record: &mut Record, written: &[usize], is_change: bool) {
        for (index, column) in self.resource.declared() {
            let Some(stamp) = column.stamp else { continue };
            let is_unset = record.values.get(index).is_none_or(Value::is_null);
            if is_unset || (is_change && stamp == Stamp::Change && !written.contains(&index)) {
                set(record, index, column.time(self.ctx.now()));
            }
        }
    }

    /// `written`: the columns the change gives values.
    fn touch(&self, record: &mut Record, written: &[usize]) {
        self.stamp(record, written, true);
        let version = record.version() + 1;
        set(record, place::UPDATED_AT, self.ctx.now().into());
        set(record, place::VERSION, version.into());
    }

    async fn put(&self, tx: &mut Tx<'_>, before: &Record, after: &Record) -> Result<()> {
        match store::update(tx, before, after).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Error::new(Code::VersionMismatch)),
            Err(error) => Err(self.name_unique(tx, after, error).await),
        }
    }

    async fn settle(
        &self,
        tx: &mut Tx<'_>,
        record: &Record,
        input: &Input,
        unnamed: Unnamed,
    ) -> Result<Vec<(usize, Value)>> {
        let standings = self.fields.standings(tx, self.declaration, record).await?;
        fields::settle(self.ctx, self.resource, input, unnamed, &standings)
    }

    /// Every reference that is new must be to a record the actor can read, or ids of strangers could be probed.
    async fn check_references(&self, tx: &mut Tx<'_>, record: &Record, before: Option<&Record>) -> Result<()> {
        for (index, column) in self.resource.declared() {
            let Some(reference) = &column.reference else { continue };
            let Some(Value::Uuid(id)) = record.values.get(index) else { continue };
            if before.is_some_and(|before| before.values.get(index) == record.values.get(index)) {
                continue;
            }
            let target = self.declaration.find(&reference.to);
            let target = target.ok_or_else(|| Error::internal("a reference to no resource"))?;
            let found = store::get(tx, target, *id).await?;
            let is_readable = match found {
                Some(found) => holds(tx, self.declaration, &reading(self.ctx, target), &found).await?,
                None => false,
            };
            if !is_readable {
                let error = FieldError::new(&column.name, "not_found", "refers to nothing you can read");
                return Err(Error::invalid(vec![error]));
            }
        }
        Ok(())
    }

    /// Names the fields whose values are taken, those the actor sees.
    async fn name_unique(&self, tx: &mut Tx<'_>, record: &Record, error: Error) -> Error {
        let Some(constraint) = ::store::violated(&error) else { return error };
        let broken = self.resource.unique_fields(constraint);
        let mut error = error;
        for name in broken.into_iter().flatten() {
            let Some((index, _)) = self.resource.column(&name) else { continue };
            // The transaction is spoiled: a rule that would have to ask the database counts as one that does not hold.
            if self.view().sees(tx, self.declaration, record, index).await.unwrap_or(false) {
                error = error.with_field(FieldError::new(name, "taken", "another record has this value"));
            }
        }
        error
    }
}

pub(super) fn set(record: &mut Record, index: usize, value: Value) {
    if let Some(place) = record.values.get_mut(index) {
        *place = value;
    }
}
