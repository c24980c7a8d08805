//! What the database and the rows before say about a draft: owners, references, and values that must be unique.
use std::{
    collections::{HashMap, HashSet},
    hash::{DefaultHasher, Hasher as _},
    sync::Arc,
};

use ::store::Tx;
use identity::accounts;
use kernel::{FieldError, Result, UserId, Uuid, Value};

use super::draft::Draft;
use crate::{
    records::{codec, store},
    schema::{Declaration, Resource, place},
};

/// What the database says about the drafts of a chunk, in a few statements for all of them.
pub(super) struct Facts {
    owners: HashSet<Uuid>,
    /// Ids of new records that are taken.
    ids: HashSet<Uuid>,
    /// What is there of what each reference names.
    targets: Vec<(usize, HashSet<Uuid>)>,
    /// Which record has which values of each unique key.
    holders: Vec<(Vec<usize>, HashMap<Digest, Uuid>)>,
}

/// What the rows before have made, of the chunk and in a dry run of the whole file: which record has which id and unique values.
#[derive(Default)]
pub(super) struct Seen(HashMap<Digest, Uuid>);

impl Seen {
    /// Whether a row before was about the record that `key` stands for.
    pub fn has(&self, key: Digest) -> bool {
        self.0.contains_key(&key)
    }

    fn has_id(&self, id: Uuid) -> bool {
        {
            let id = id.into();
            digest(&[place::ID], |_| Some(&id))
        }
        .is_some_and(|digest| self.has(digest))
    }
}

/// Why a draft is not written.
pub(super) enum Objection {
    Refused(Vec<FieldError>),
    /// A later row may change that.
    Waits(Vec<FieldError>),
}

/// Stands for the values of a key.
pub(super) type Digest = u128;

/// Nothing where a value is null: nulls are equal to nothing.
pub(super) fn digest<'v>(places: &[usize], value: impl Fn(usize) -> Option<&'v Value>) -> Option<Digest> {
    let mut bytes = Vec::new();
    for place in places {
        bytes.extend_from_slice(&place.to_be_bytes());
        codec::push(&mut bytes, value(*place).filter(|value| !value.is_null())?);
    }
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        hasher.write_u8(salt);
        hasher.write(&bytes);
        u128::from(hasher.finish())
    };
    Some(half(0) << 64 | half(1))
}

fn uuid(draft: &Draft, place: usize) -> Option<Uuid> {
    match draft.after.values.get(place) {
        Some(Value::Uuid(id)) => Some(*id),
        _ => None,
    }
}

/// The places of each unique key.
fn unique_keys(resource: &Resource) -> Vec<Vec<usize>> {
    let place = |name: &String| resource.column(name).map(|(index, _)| index);
    resource.unique_keys().iter().map(|key| key.iter().filter_map(place).collect()).collect()
}

/// Records marked as deleted share their values with anybody.
fn is_live(draft: &Draft) -> bool {
    !draft.after.resource.is_soft_deleted || draft.after.values.get(place::DELETED_AT).is_none_or(Value::is_null)
}

impl Facts {
    pub async fn gather(
        tx: &mut Tx<'_>,
        declaration: &Declaration,
        resource: &Arc<Resource>,
        drafts: &[&Draft],
    ) -> Result<Self> {
        let all = |place: usize| drafts.iter().filter_map(move |draft| uuid(draft, place)).collect::<HashSet<_>>();
        let owners: Vec<UserId> = all(place::OWNER_ID).into_iter().map(UserId::from_uuid).collect();
        let owners = accounts::present(tx, &owners).await?.into_iter().map(UserId::uuid).collect();
        let new = drafts.iter().filter(|draft| draft.before.is_none());
        let ids: Vec<Uuid> = new.filter_map(|draft| uuid(draft, place::ID)).collect();
        let ids = store::present(tx, resource, &ids).await?.into_iter().collect();
        let mut targets = Vec::new();
        for (index, column) in resource.declared() {
            let target = column.reference.as_ref().and_then(|reference| declaration.find(&reference.to));
            if let Some(target) = target {
                let named: Vec<Uuid> = all(index).into_iter().collect();
                targets.push((index, store::present(tx, target, &named).await?.into_iter().collect()));
            }
        }
        let mut holders = Vec::new();
        for places in unique_keys(resource) {
            let tuple = |draft: &&&Draft| -> Option<Vec<Value>> {
                let values = places.iter().map(|place| draft.after.values.get(*place).cloned());
                values.collect::<Option<Vec<_>>>().filter(|values| !values.iter().any(Value::is_null))
            };
            let wanted: Vec<Vec<Value>> =
                drafts.iter().filter(|draft| is_live(draft)).filter_map(|d| tuple(&d)).collect();
            let mut held = HashMap::new();
            for record in store::having(tx, resource, &places, &wanted, true).await? {
                if let Some(digest) = digest(&places, |place| record.values.get(place)) {
                    held.insert(digest, record.id()?);
                }
            }
            holders.push((places, held));
        }
        Ok(Self { owners, ids, targets, holders })
    }

    /// Whether `draft` may be written after what was `seen`, of which it is then a part. A value that is taken may become free
    /// where rows change records that are there.
    pub fn judge(&self, draft: &Draft, seen: &mut Seen, is_upsert: bool) -> Result<(), Objection> {
        let resource = &draft.after.resource;
        let name = |place: usize| resource.columns.get(place).map_or("", |column| column.name.as_str());
        let id = uuid(draft, place::ID).unwrap_or_default();
        let (mut refused, mut missing) = (Vec::new(), Vec::new());
        if uuid(draft, place::OWNER_ID).is_some_and(|owner| !self.owners.contains(&owner)) {
            refused.push(FieldError::new("owner_id", "not_found", "is not the id of an account"));
        }
        if draft.before.is_none() && (self.ids.contains(&id) || seen.has_id(id)) {
            refused.push(FieldError::new("id", "taken", "is that of a record which is there already"));
        }
        for (place, found) in &self.targets {
            let Some(target) = uuid(draft, *place) else { continue };
            let reference = resource.columns.get(*place).and_then(|column| column.reference.as_ref());
            let is_own_kind = reference.is_some_and(|reference| reference.to == resource.name);
            // A record may refer to itself.
            let is_seen = is_own_kind && (target == id || seen.has_id(target));
            if !is_seen && !found.contains(&target) {
                missing.push(FieldError::new(name(*place), "not_found", "refers to nothing that is there"));
            }
        }
        let mut keys = Vec::new();
        for (places, held) in self.holders.iter().filter(|_| is_live(draft)) {
            let Some(digest) = digest(places, |place| draft.after.values.get(place)) else { continue };
            if seen.0.get(&digest).or_else(|| held.get(&digest)).is_some_and(|holder| *holder != id) {
                let errors = if is_upsert { &mut missing } else { &mut refused };
                errors.extend(
                    places.iter().map(|place| FieldError::new(name(*place), "taken", "another record has this value")),
                );
            }
            keys.push(digest);
        }
        match (refused.is_empty(), missing.is_empty()) {
            (true, true) => {
                keys.extend(digest(&[place::ID], |place| draft.after.values.get(place)));
                seen.0.extend(keys.into_iter().map(|digest| (digest, id)));
                Ok(())
            }
            (true, false) => Err(Objection::Waits(missing)),
            (false, _) => Err(Objection::Refused([refused, missing].concat())),
        }
    }
}
