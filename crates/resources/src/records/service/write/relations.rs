//! What refers to records that go: unlinked or gone as well, with versions and audit rows of their own.
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use ::store::{Ctx, Tx};
use kernel::{Code, Error, Result, Uuid};
use platform::audit::{self, Entry};
use serde_json::json;

use super::super::super::{referrers::referrers, store};
use crate::schema::{Declaration, OnDelete, Resource};

/// Most records that the deletions of one transaction take along or unlink.
const MOST: usize = 10_000;
/// Most ids an audit row lists.
const LISTED: usize = 1_000;

/// How many records the deletions of one transaction have reached beyond themselves, and how many they may.
#[derive(Debug)]
pub(in crate::records) struct Reached {
    count: usize,
    most: usize,
    /// Whether what may be deleted softly and is not goes along all the same.
    takes_living: bool,
}

impl Default for Reached {
    fn default() -> Self {
        Self { count: 0, most: MOST, takes_living: true }
    }
}

impl Reached {
    /// No deletion is refused because of how many records it reaches.
    pub const fn without_bound(self) -> Self {
        Self { most: usize::MAX, ..self }
    }

    /// A deletion is refused that would take along what may be deleted softly and is not.
    pub const fn sparing_living(self) -> Self {
        Self { takes_living: false, ..self }
    }

    fn add(&mut self, count: usize) -> Result<()> {
        self.count += count;
        if self.count <= self.most {
            return Ok(());
        }
        let detail = format!("More than {MOST} other records would go or change as well; delete those first.");
        Err(Error::new(Code::ReferenceViolation).with_detail(detail))
    }
}

/// What a deletion does beyond the records it names.
#[derive(Default)]
struct Reach {
    /// By resource, what goes along.
    removed: BTreeMap<String, BTreeSet<Uuid>>,
    /// By resource and column, what loses its reference.
    unlinked: BTreeMap<(String, String), BTreeSet<Uuid>>,
}

/// Unlinks what refers to these records, and notes what goes along with them: the database removes it together with them, in the
/// statement that must follow. Everything it finds is held until the transaction ends.
///
/// Errors: 409 when `reached` comes to more than it may.
pub(in crate::records) async fn sever(
    tx: &mut Tx<'_>,
    ctx: &Ctx,
    declaration: &Declaration,
    resource: &Arc<Resource>,
    ids: &[Uuid],
    reached: &mut Reached,
) -> Result<()> {
    if referrers(declaration, resource).next().is_none() {
        return Ok(());
    }
    // From here on nothing new can refer to them.
    store::hold(tx, resource, ids).await?;
    let reach = reach(tx, declaration, resource, ids, reached).await?;
    let nothing = BTreeSet::new();
    for ((name, column), ids) in &reach.unlinked {
        let gone = reach.removed.get(name).unwrap_or(&nothing);
        let left: Vec<Uuid> = ids.difference(gone).copied().collect();
        if left.is_empty() {
            continue;
        }
        let Some(unlinked) = declaration.find(name) else { continue };
        store::unlink(tx, unlinked, column, &left, ctx.now()).await?;
        let shown = listed(unlinked, &left);
        let after = json!({"field": column, "rows": left.len(), "ids": shown});
        audit::record(tx, ctx, Entry::new("records.unlinked", name, None::<Uuid>).after(after)).await?;
    }
    for (name, gone) in &reach.removed {
        let Some(removed) = declaration.find(name) else { continue };
        let gone: Vec<Uuid> = gone.iter().filter(|id| *name != resource.name || !ids.contains(id)).copied().collect();
        if gone.is_empty() {
            continue;
        }
        let after = json!({"rows": gone.len(), "ids": listed(removed, &gone)});
        audit::record(tx, ctx, Entry::new("records.cascaded", name, None::<Uuid>).after(after)).await?;
    }
    Ok(())
}

/// Follows references level by level; what was met is not followed again, so that cycles end.
async fn reach(
    tx: &mut Tx<'_>,
    declaration: &Declaration,
    resource: &Arc<Resource>,
    ids: &[Uuid],
    reached: &mut Reached,
) -> Result<Reach> {
    let mut reach = Reach::default();
    reach.removed.insert(resource.name.clone(), ids.iter().copied().collect());
    let mut level: Vec<(Arc<Resource>, Vec<Uuid>)> = vec![(Arc::clone(resource), ids.to_vec())];
    while let Some((target, ids)) = level.pop() {
        for (referrer, column, on_delete) in referrers(declaration, &target) {
            // Whatever is in its way is found by the database when the rows go.
            if on_delete == OnDelete::Restrict {
                continue;
            }
            let spares = on_delete == OnDelete::Cascade && !reached.takes_living;
            if spares && referrer.is_soft_deleted && store::has_living(tx, referrer, column, &ids).await? {
                return Err(Error::new(Code::ReferenceViolation));
            }
            let known = match on_delete {
                OnDelete::Cascade => reach.removed.entry(referrer.name.clone()).or_default(),
                _ => reach.unlinked.entry((referrer.name.clone(), column.to_owned())).or_default(),
            };
            let limit = (reached.most - reached.count).saturating_add(1);
            let new = store::dependents(tx, referrer, (column, &ids), known, limit).await?;
            reached.add(new.len())?;
            if on_delete == OnDelete::Cascade && !new.is_empty() {
                level.push((Arc::clone(referrer), new));
            }
        }
    }
    Ok(reach)
}

fn listed(resource: &Resource, ids: &[Uuid]) -> Vec<String> {
    ids.iter().take(LISTED).map(|id| kernel::id::encode(&resource.id_prefix, *id)).collect()
}
