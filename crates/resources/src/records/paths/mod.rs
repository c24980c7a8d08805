//! The ways a declaration promises to find records by, for whoever checks that an index serves each.
mod sample;

use std::sync::Arc;

use ::store::{Ctx, Source};
use kernel::{
    Actor, Limit, Principal, Result, SessionId, Timestamp, UserId, actor,
    rule::{Bound, Leaf, Op, Term, Test},
};
use serde_json::Map;

use super::{ListQuery, Parts, Records};
use crate::schema::{Declaration, Operation, Resource};

/// A list that some caller may ask for, and that must cost no more in a large table than in a small one.
#[derive(Clone, Debug)]
pub struct ListPath {
    pub resource: Arc<Resource>,
    pub actor: Actor,
    /// `documents by owner_id and created_at, for the role reader`
    pub name: String,
    pub query: ListQuery,
    /// Whether the caller may read every record and asks for no selection of them: then walking an index is all there is to do.
    pub is_open: bool,
    /// The columns of an index that serves it; `None` where no index can, because an alternative selects the records.
    pub index: Option<Vec<String>>,
}

/// Every such list: for each kind of caller that the rules tell apart the default order, each declared index as a selection by all of its
/// columns but the last and an order by that, and each reference.
pub fn list_paths(declaration: &Declaration, now: Timestamp) -> Vec<ListPath> {
    let mut paths = Vec::new();
    for resource in &declaration.resources {
        let mut seen: Vec<Bound> = Vec::new();
        for (who, actor) in callers(declaration) {
            let rule = resource.rules.get(Operation::Read).bind(&actor, now);
            if rule == Bound::Const(false) || seen.contains(&rule) {
                continue;
            }
            let caller = Caller { resource, who, actor, selected: selected(resource, &rule), rule: rule.clone() };
            paths.extend(caller.paths());
            seen.push(rule);
        }
    }
    paths
}

/// Kinds of callers: nobody, anybody logged in, and the holders of each role.
fn callers(declaration: &Declaration) -> Vec<(String, Actor)> {
    let mut callers = vec![("anonymous callers".to_owned(), Actor::Anonymous), ("a user".to_owned(), user(&[]))];
    let mut roles = declaration.roles();
    if !roles.iter().any(|role| role == actor::ADMIN) {
        roles.push(actor::ADMIN.to_owned());
    }
    callers.extend(roles.into_iter().map(|role| (format!("the role {role}"), user(&[role]))));
    callers
}

fn user(roles: &[String]) -> Actor {
    Actor::Full(Principal {
        roles: roles.iter().map(|role| role.as_str().into()).collect(),
        ..Principal::of_session(UserId::from_uuid(sample::id(1)), SessionId::from_uuid(sample::id(1)))
    })
}

struct Caller<'a> {
    resource: &'a Arc<Resource>,
    who: String,
    actor: Actor,
    rule: Bound,
    /// The columns the rule holds to one value; `None` if it selects in other ways.
    selected: Option<Vec<String>>,
}

impl Caller<'_> {
    fn paths(&self) -> Vec<ListPath> {
        let mut paths = vec![self.path(&[], None)];
        // Whether an index of some records alone is used depends on the very values that are asked for, which no plan without values tells.
        for index in self.resource.indexes.iter().filter(|index| index.filter.is_none()) {
            if let Some((last, first)) = index.fields.split_last() {
                paths.push(self.path(first, Some(last)));
            }
        }
        for column in self.resource.columns.iter().filter(|column| column.reference.is_some()) {
            paths.push(self.path(std::slice::from_ref(&column.name), None));
        }
        paths
    }

    /// The records with one value in each of `by`, in the order of `sort`.
    fn path(&self, by: &[String], sort: Option<&String>) -> ListPath {
        let fixed = self.selected.clone().unwrap_or_default();
        let asked: Vec<&String> = by.iter().filter(|name| !fixed.contains(name)).collect();
        let conditions = asked.iter().filter_map(|name| {
            let (_, column) = self.resource.column(name)?;
            Some(format!("record.{name} == {}", sample::literal(&column.kind)?))
        });
        let conditions: Vec<String> = conditions.collect();
        let sort = sort.filter(|name| !fixed.contains(name) && *name != "id");
        let mut columns = fixed;
        columns.extend(asked.into_iter().cloned());
        columns.extend(sort.cloned());
        let order = if columns.is_empty() { "id".to_owned() } else { columns.join(", ") };
        let name = format!("{} by {order}, for {}", self.resource.name, self.who);
        let is_open = self.rule == Bound::Const(true) && conditions.is_empty();
        let query = ListQuery {
            filter: (!conditions.is_empty()).then(|| conditions.join(" && ")),
            sort: sort.cloned(),
            limit: Limit::new(1).unwrap_or_default(),
            ..ListQuery::default()
        };
        let index = self.selected.is_some().then_some(columns);
        ListPath { resource: Arc::clone(self.resource), actor: self.actor.clone(), name, query, is_open, index }
    }
}

/// Adds the columns that a rule holds to one value each; false if there is more to it.
fn is_selection(rule: &Bound, found: &mut Vec<usize>) -> bool {
    match rule {
        Bound::Const(truth) => *truth,
        Bound::All(parts) => parts.iter().all(|part| is_selection(part, found)),
        Bound::Leaf(Leaf {
            test: Test::Compare { left: Term::Field(path), op: Op::Eq, right: Term::Value(_) },
            ..
        }) if path.relation.is_none() => {
            found.push(path.field);
            true
        }
        Bound::Any(_) | Bound::Leaf(_) => false,
    }
}

/// Their names; `None` if there is more to it.
fn selected(resource: &Resource, rule: &Bound) -> Option<Vec<String>> {
    let mut found = Vec::new();
    let name = |index: &usize| resource.columns.get(*index).map(|column| column.name.clone());
    is_selection(rule, &mut found).then(|| found.iter().filter_map(name).collect())
}

impl Records {
    /// Two records of each resource, for a database in which plans are looked at. They fit their tables, not their rules.
    pub async fn put_samples(&self, ctx: &Ctx) -> Result<()> {
        ctx.actor.require_system()?;
        sample::put(ctx, self.declaration()).await
    }

    /// Reads the list of `path`, and if there is a page after it that one and back, in both directions.
    pub async fn walk(&self, source: &Source, path: &ListPath) -> Result<()> {
        let ctx = source.ctx(path.actor.clone(), Arc::default());
        for is_descending in [false, true] {
            let sort =
                path.query.sort.as_ref().map(|sort| if is_descending { format!("-{sort}") } else { sort.clone() });
            let query = ListQuery { sort, ..path.query.clone() };
            let page = self.list(&ctx, &path.resource, query.clone()).await?;
            if page.next.is_some() {
                let after = ListQuery { after: page.next, ..query.clone() };
                let page = self.list(&ctx, &path.resource, after).await?;
                self.list(&ctx, &path.resource, ListQuery { before: page.prev, ..query }).await?;
            }
        }
        Ok(())
    }

    /// Reads, changes, deletes and brings back a sample, and looks one up by each unique key. What is refused is refused: statements that run before count.
    pub async fn touch_samples(&self, ctx: &Ctx) {
        for resource in &self.declaration().resources {
            for key in resource.unique_keys() {
                let values = key.iter().filter_map(|name| {
                    let (_, column) = resource.column(name)?;
                    Some((name.clone(), sample::json(&column.kind)?))
                });
                let _ = self.upsert(ctx, resource, &key, values.collect()).await;
            }
            let _ = self.get(ctx, resource, sample::id(1), &Parts::default()).await;
            let _ = self.update(ctx, resource, sample::id(1), None, Map::new()).await;
            let _ = self.delete(ctx, resource, sample::id(2), None).await;
            if resource.is_soft_deleted {
                let deleted = ListQuery { is_deleted: true, ..ListQuery::default() };
                let _ = self.list(ctx, resource, deleted).await;
                let _ = self.restore(ctx, resource, sample::id(2)).await;
            }
        }
    }
}
