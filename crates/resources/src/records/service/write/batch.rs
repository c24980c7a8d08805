//! Batches: up to 1,000 operations on records of one resource, all of them or none.
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use ::store::{Ctx, Tx};
use futures_util::FutureExt as _;
use kernel::{Code, Error, FieldError, Result, Uuid, error::MAX_FIELD_ERRORS, id, rule::Bound, schema::unknown_field};
use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::{
    super::{
        super::{
            Condition, Record, Shown,
            codec::{self, Outcome},
            input::{Input, Unnamed},
            store,
        },
        Records,
        access::{allowed, changeable, readable},
    },
    change::{Mode, Writer},
    fields,
    relations::Reached,
};
use crate::schema::{Operation, Resource};

/// Most operations of a batch.
pub const MOST_OPERATIONS: usize = 1_000;
/// Most bytes the records of a batch may take, as they were and as they are: an answer holds them all.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// The parts of a batch, as its body names them.
const PARTS: [&str; 3] = ["create", "update", "delete"];

/// What a batch did, in the order it was asked for.
#[derive(Clone, Debug, Serialize)]
pub struct Batched {
    pub created: Vec<Shown>,
    pub updated: Vec<Shown>,
    /// How many were deleted.
    pub deleted: usize,
}

/// A batch that is in order by itself.
struct Batch {
    create: Vec<Input>,
    update: Vec<(Target, Input)>,
    delete: Vec<Target>,
}

/// The record that an operation means.
struct Target {
    /// Where the operation stands in the body: `update[3]`.
    path: String,
    id: Uuid,
    version: Option<i64>,
}

impl Records {
    /// Deletes, then changes, then creates what `body` lists: `{create: [{...}], update: [{id, version?, changes}],
    /// delete: [{id, version?}]}`. Each operation as it would be done alone; when one fails, nothing was done.
    ///
    /// Errors: those of the operations, naming which: `update[3].changes.title`; 422 for more than 1,000 of them and for a record
    /// named twice; 413 when the records are too large together.
    pub async fn batch(&self, ctx: &Ctx, resource: &Arc<Resource>, body: Map<String, Json>) -> Result<Batched> {
        let batch = Reader::new(ctx, resource).read(body)?;
        for (operation, is_asked) in [
            (Operation::Delete, !batch.delete.is_empty()),
            (Operation::Update, !batch.update.is_empty()),
            (Operation::Create, !batch.create.is_empty()),
        ] {
            if is_asked {
                allowed(ctx, resource, operation)?;
            }
        }
        let batch = Arc::new(batch);
        let (records, resource) = (self.clone(), Arc::clone(resource));
        ctx.write_once(Outcome(Arc::clone(&resource)), move |ctx, tx| {
            async move { Writer::new(&ctx, &records, &resource).batch(tx, &batch).await }.boxed()
        })
        .await
    }
}

impl Writer<'_> {
    async fn batch(&self, tx: &mut Tx<'_>, batch: &Batch) -> Result<Batched> {
        let mut bytes = 0;
        let targets = batch.delete.iter().chain(batch.update.iter().map(|(target, _)| target));
        let ids: Vec<Uuid> = targets.map(|target| target.id).collect();
        if Record::widest(self.resource.columns.iter()).saturating_mul(ids.len()) > MOST_BYTES
            && store::total(tx, self.resource, &ids).await? > MOST_BYTES
        {
            return Err(too_large());
        }
        let mut found = self.held(tx, &ids).await?;
        for record in found.values() {
            weigh(&mut bytes, record)?;
        }
        // As the caller knows them: what the batch itself does to them is no change by somebody else.
        let versions: BTreeMap<Uuid, i64> = found.iter().map(|(id, record)| (*id, record.version())).collect();
        let mut reached = Reached::default();
        let mut batched = Batched { created: Vec::new(), updated: Vec::new(), deleted: batch.delete.len() };
        let rule =
            (!batch.delete.is_empty()).then(|| allowed(self.ctx, self.resource, Operation::Delete)).transpose()?;
        for (target, rule) in batch.delete.iter().zip(std::iter::repeat(rule.as_ref()).flatten()) {
            let deleted = async {
                let before = self.target(tx, &mut found, &versions, target, rule).await?;
                self.delete(tx, before, &mut reached).await
            };
            deleted.await.map_err(|error| error.under(&target.path))?;
        }
        if !batch.delete.is_empty() && !batch.update.is_empty() {
            // A deletion may have unlinked them or taken them along.
            found = self.held(tx, &found.into_keys().collect::<Vec<_>>()).await?;
        }
        let rule =
            (!batch.update.is_empty()).then(|| allowed(self.ctx, self.resource, Operation::Update)).transpose()?;
        for ((target, input), rule) in batch.update.iter().zip(std::iter::repeat(rule.as_ref()).flatten()) {
            let before = self.target(tx, &mut found, &versions, target, rule).await;
            let before = before.map_err(|error| error.under(&target.path))?;
            let after = self.change(tx, before, rule, input.clone(), Mode::Patch).await;
            let after = after.map_err(|error| error.under(&format!("{}.changes", target.path)))?;
            weigh(&mut bytes, &after)?;
            batched.updated.push(self.view().show(tx, self.declaration, after).await?);
        }
        let mut created = BTreeMap::new();
        for (nth, id) in self.in_order_of_keys(&batch.create) {
            let Some(input) = batch.create.get(nth) else { continue };
            let record = self.create(tx, id, input.clone()).await;
            let record = record.map_err(|error| error.under(&format!("create[{nth}]")))?;
            weigh(&mut bytes, &record)?;
            created.insert(nth, self.view().show(tx, self.declaration, record).await?);
        }
        batched.created = created.into_values().collect();
        Ok(batched)
    }

    async fn held(&self, tx: &mut Tx<'_>, ids: &[Uuid]) -> Result<BTreeMap<Uuid, Record>> {
        let found = store::held(tx, self.resource, ids).await?;
        found.into_iter().map(|record| Ok((record.id()?, record))).collect()
    }

    /// What is to be created and the ids it gets, which are in the order asked for. Values that must be unique are written in an
    /// order of their own: two batches with the same ones wait for each other and not crosswise.
    fn in_order_of_keys(&self, inputs: &[Input]) -> Vec<(usize, Uuid)> {
        let keys: Vec<usize> = self
            .resource
            .unique_keys()
            .iter()
            .flatten()
            .filter_map(|name| Some(self.resource.column(name)?.0))
            .collect();
        let mut order: Vec<(usize, Uuid)> = (0..inputs.len()).map(|nth| (nth, self.new_id())).collect();
        order.sort_by_cached_key(|(nth, _)| {
            let mut bytes = Vec::new();
            for (index, value) in inputs.get(*nth).into_iter().flat_map(Input::values) {
                if keys.contains(&index) {
                    codec::push(&mut bytes, &value);
                }
            }
            bytes
        });
        order
    }

    /// The record an operation means, if the actor may do it.
    async fn target(
        &self,
        tx: &mut Tx<'_>,
        found: &mut BTreeMap<Uuid, Record>,
        versions: &BTreeMap<Uuid, i64>,
        target: &Target,
        rule: &Bound,
    ) -> Result<Record> {
        let read = allowed(self.ctx, self.resource, Operation::Read)?;
        let record = readable(tx, self.ctx, self.declaration, &read, found.remove(&target.id)).await?;
        let is_known = |version: &i64| versions.get(&target.id) == Some(version);
        let accepted = |version| Some(version).filter(is_known).map(|_| record.version());
        let condition = target.version.map(|version| Condition::Versions(accepted(version).into_iter().collect()));
        changeable(tx, self.ctx, self.declaration, rule, condition, &record).await?;
        Ok(record)
    }
}

/// Adds up what the records of a batch take. Errors: 413.
fn weigh(bytes: &mut usize, record: &Record) -> Result<()> {
    *bytes = bytes.saturating_add(record.size());
    if *bytes <= MOST_BYTES {
        return Ok(());
    }
    Err(too_large())
}

fn too_large() -> Error {
    let detail = format!("The records of this batch take more than {MOST_BYTES} bytes together; send fewer at once.");
    Error::new(Code::BodyTooLarge).with_detail(detail)
}

/// Reads a body and collects what is wrong with it.
struct Reader<'a> {
    ctx: &'a Ctx,
    resource: &'a Resource,
    errors: Vec<FieldError>,
    named: BTreeSet<Uuid>,
}

impl<'a> Reader<'a> {
    const fn new(ctx: &'a Ctx, resource: &'a Resource) -> Self {
        Self { ctx, resource, errors: Vec::new(), named: BTreeSet::new() }
    }

    fn read(mut self, mut body: Map<String, Json>) -> Result<Batch> {
        let unknown = body.keys().filter(|name| !PARTS.contains(&name.as_str())).take(MAX_FIELD_ERRORS);
        self.errors = unknown.map(|name| unknown_field("", name)).collect();
        let [create, update, delete] = PARTS.map(|part| self.list(part, body.remove(part)));
        let count = create.len() + update.len() + delete.len();
        if self.errors.is_empty() && !(1..=MOST_OPERATIONS).contains(&count) {
            let message = format!("must name 1 to {MOST_OPERATIONS} operations in all");
            self.wrong("", if count == 0 { "too_short" } else { "too_long" }, &message);
        }
        if !self.errors.is_empty() {
            return Err(Error::invalid(self.errors));
        }
        let batch = Batch {
            create: numbered("create", create).filter_map(|(path, json)| self.create(&path, json)).collect(),
            update: numbered("update", update).filter_map(|(path, json)| self.update(path, json)).collect(),
            delete: numbered("delete", delete).filter_map(|(path, json)| self.delete(path, json)).collect(),
        };
        if self.errors.is_empty() { Ok(batch) } else { Err(Error::invalid(self.errors)) }
    }

    fn wrong(&mut self, path: &str, code: &'static str, message: &str) {
        if self.errors.len() < MAX_FIELD_ERRORS {
            self.errors.push(FieldError::new(path, code, message));
        }
    }

    fn list(&mut self, part: &'static str, json: Option<Json>) -> Vec<Json> {
        match json {
            None => return Vec::new(),
            Some(Json::Array(items)) if items.len() <= MOST_OPERATIONS => return items,
            Some(Json::Array(_)) => self.wrong(part, "too_long", &format!("must have at most {MOST_OPERATIONS} items")),
            Some(Json::Null) => self.wrong(part, "null", "must not be null"),
            Some(_) => self.wrong(part, "wrong_type", "must be a list"),
        }
        Vec::new()
    }

    fn object(&mut self, path: &str, json: Json) -> Option<Map<String, Json>> {
        if let Json::Object(object) = json {
            return Some(object);
        }
        self.wrong(path, "wrong_type", "must be an object");
        None
    }

    fn input(&mut self, path: &str, json: Json, unnamed: Unnamed) -> Option<Input> {
        let body = self.object(path, json)?;
        match fields::parse(self.ctx, self.resource, body, unnamed) {
            Ok(input) => return Some(input),
            Err(error) => {
                for error in error.under(path).fields() {
                    self.wrong(&error.field, error.code, &error.message);
                }
            }
        }
        None
    }

    fn create(&mut self, path: &str, json: Json) -> Option<Input> {
        self.input(path, json, Unnamed::Unset)
    }

    fn update(&mut self, path: String, json: Json) -> Option<(Target, Input)> {
        let mut object = self.object(&path, json)?;
        let changes = format!("{path}.changes");
        let input = object.remove("changes").map(|json| self.input(&changes, json, Unnamed::Kept));
        if input.is_none() {
            self.wrong(&changes, "missing", "is required");
        }
        Some((self.target(path, object)?, input??))
    }

    /// `{id, version?}`, or the id alone.
    fn delete(&mut self, path: String, json: Json) -> Option<Target> {
        let object = match json {
            Json::String(_) => Map::from_iter([("id".to_owned(), json)]),
            json => self.object(&path, json)?,
        };
        self.target(path, object)
    }

    fn target(&mut self, path: String, mut object: Map<String, Json>) -> Option<Target> {
        let (id, version) = (object.remove("id"), object.remove("version"));
        for name in object.keys().take(MAX_FIELD_ERRORS) {
            let error = unknown_field(&path, name);
            self.wrong(&error.field, error.code, &error.message);
        }
        let version = match version {
            None => Ok(None),
            Some(version) => version.as_i64().map(Some).ok_or("must be a whole number of 64 bits"),
        };
        let prefix = &self.resource.id_prefix;
        let id = match &id {
            None => Err(("missing", "is required".to_owned())),
            Some(Json::String(text)) => {
                id::decode(prefix, text).ok_or_else(|| ("format", format!("must be an id as {prefix}_...")))
            }
            Some(_) => Err(("wrong_type", "must be a string".to_owned())),
        };
        match (id, version) {
            (Ok(id), Ok(version)) if self.named.insert(id) => return Some(Target { path, id, version }),
            (Ok(_), Ok(_)) => self.wrong(&path, "repeated", "names a record a second time"),
            (Err((code, message)), _) => self.wrong(&format!("{path}.id"), code, &message),
            (_, Err(message)) => self.wrong(&format!("{path}.version"), "wrong_type", message),
        }
        None
    }
}

/// Each item with its path: `create[0]`, `create[1]`, ...
fn numbered(part: &'static str, items: Vec<Json>) -> impl Iterator<Item = (String, Json)> {
    items.into_iter().enumerate().map(move |(nth, json)| (format!("{part}[{nth}]"), json))
}
