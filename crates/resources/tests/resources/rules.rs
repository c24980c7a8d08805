//! An expression means the same in memory, on SQLite and on PostgreSQL: generated expressions against generated rows, as access
//! rules and as filters.
use std::{collections::HashMap, sync::Arc};

use kernel::{
    Actor, Code, Limit, Timestamp, Uuid, Value,
    rule::{self, Bound, Guards, Needs, Related, Rule, Scope},
};
use proptest::{
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{Config, TestRng, TestRunner},
};
use resources::{
    records::{ListQuery, Records, Shown},
    schema::{Declaration, Resource},
};
use serde_json::Value as Json;

use crate::{
    expressions::{FOLDERS, TABLE, expression, folder, row},
    support::{World, declare, keyring, object, user},
};

fn runner() -> TestRunner {
    let rng = TestRng::deterministic_rng(prop::test_runner::RngAlgorithm::ChaCha);
    TestRunner::new_with_rng(Config::default(), rng)
}

fn generate<T>(strategy: &impl Strategy<Value = T>, runner: &mut TestRunner) -> T {
    strategy.new_tree(runner).unwrap().current()
}

/// Every row, as the system sees it.
struct Rows {
    things: Vec<Shown>,
    folders: HashMap<Uuid, Vec<Value>>,
}

impl Rows {
    async fn fill(world: &World, runner: &mut TestRunner) -> Self {
        let (things, folders) = (world.resource("things"), world.resource("folders"));
        let mut ids: Vec<Json> = Vec::new();
        for number in 0..6 {
            let ctx = world.user(number % 3, &[]);
            let parent = usize::try_from(number).unwrap().checked_sub(3).map(|parent: usize| ids[parent].clone());
            let folder = world.records.create(&ctx, &folders, folder(generate(&any::<u8>(), runner), parent)).await;
            ids.push(serde_json::to_value(folder.unwrap()).unwrap()["id"].clone());
        }
        // Its things refer to what is no longer there.
        let gone = ids.pop().unwrap();
        for number in 0..40 {
            let mut body = object(generate(&row(), runner));
            let owner = number % 3;
            // References are to what their writer may read.
            let own = ids.iter().skip(usize::try_from(owner).unwrap()).step_by(3).chain([&gone]);
            let own: Vec<&Json> = own.collect();
            if let Some(folder) = own.get(generate(&(0..4_usize), runner)).filter(|id| owner == 2 || **id != &gone) {
                body.insert("folder".into(), (**folder).clone());
            }
            if let Some(folder) = own.get(generate(&(0..3_usize), runner)).filter(|id| owner == 2 || **id != &gone) {
                body.insert("shy".into(), (**folder).clone());
            }
            world.records.create(&world.user(owner, &[]), &things, body).await.unwrap();
        }
        let id = kernel::id::decode("fld", gone.as_str().unwrap()).unwrap();
        world.records.delete(&world.system(), &folders, id, None).await.unwrap();
        let list = async |resource| world.records.list(&world.system(), resource, all()).await.unwrap().items;
        let folders = list(&folders).await.into_iter().map(|folder| (folder.id().unwrap(), folder.values.clone()));
        Self { folders: folders.collect(), things: list(&things).await }
    }

    /// The rows that satisfy `bound`, evaluated in memory.
    fn matching(&self, declaration: &Declaration, bound: &Bound) -> Vec<Uuid> {
        let things = declaration.find("things").unwrap();
        let needs = bound.needs();
        let matching = self.things.iter().filter(|record| {
            let related = self.related(declaration, things, &record.values, &needs);
            bound.matches_with(&record.values, &related)
        });
        matching.map(|record| record.id().unwrap()).collect()
    }

    fn related(&self, declaration: &Declaration, resource: &Resource, values: &[Value], needs: &Needs) -> Related {
        let mut related = Related::default();
        for (column, inner) in &needs.0 {
            let Value::Uuid(id) = values[*column] else { continue };
            let Some(found) = self.folders.get(&id) else { continue };
            let target = declaration.target(resource, *column).unwrap();
            related.insert(*column, found.clone(), self.related(declaration, target, found, inner));
        }
        related
    }
}

/// What an actor may filter by, told anew: only what they can see.
struct Visible<'a> {
    declaration: &'a Declaration,
    resource: &'a Resource,
    actor: &'a Actor,
}

impl Scope for Visible<'_> {
    fn column(&self, name: &str) -> Option<rule::Column> {
        self.resource.rule_column(name)
    }

    fn related(&self, column: usize) -> Option<Box<dyn Scope + '_>> {
        let resource = self.declaration.target(self.resource, column)?;
        Some(Box::new(Visible { resource, ..*self }))
    }
}

impl Guards for Visible<'_> {
    fn field(&self, relation: Option<usize>, field: usize) -> Option<Arc<Bound>> {
        let resource = relation.map_or(self.resource, |column| self.declaration.target(self.resource, column).unwrap());
        resource.columns[field].read.as_ref().map(|rule| Arc::new(rule.bind(self.actor, epoch())))
    }

    fn relation(&self, column: usize) -> Option<Arc<Bound>> {
        let target = self.declaration.target(self.resource, column)?;
        Some(Arc::new(target.rules.read.bind(self.actor, epoch())))
    }
}

/// The ids a list gives. What can hold for nobody anonymous is told before anything is read.
async fn listed(records: &Records, world: &World, actor: &Actor, filter: Option<String>) -> Option<Vec<Uuid>> {
    let ctx = world.source.ctx(actor.clone(), Arc::default());
    let things = records.declaration().find("things").unwrap();
    match records.list(&ctx, things, ListQuery { filter, ..all() }).await {
        Ok(page) => Some(page.items.iter().map(|record| record.id().unwrap()).collect()),
        Err(error) => {
            assert_eq!((error.code(), actor.is_authenticated()), (Code::Unauthenticated, false), "{error:?}");
            None
        }
    }
}

async fn as_rule(rows: &Rows, world: &World, text: &str, actor: &Actor) {
    let quoted = toml::Value::String(text.to_owned());
    let declared = format!("{FOLDERS}{TABLE}[things.access]\nread = {quoted}");
    let records = Records::new(declare(&declared), &keyring()).unwrap();
    let declaration = records.declaration();
    let bound = declaration.find("things").unwrap().rules.read.bind(actor, world.system().now());
    let in_memory = rows.matching(declaration, &bound);
    let in_sql = listed(&records, world, actor, None).await.unwrap_or_default();
    assert_eq!(in_memory, in_sql, "{text} as a rule for {actor:?}");
}

async fn as_filter(rows: &Rows, world: &World, open: &Records, text: &str, actor: &Actor) {
    let declaration = open.declaration();
    let visible = Visible { declaration, resource: declaration.find("things").unwrap(), actor };
    let rule = Rule::parse(text, &visible).unwrap();
    let in_memory = rows.matching(declaration, &rule.bind_guarded(actor, world.system().now(), &visible));
    if !actor.is_authenticated() && text.contains("record.mine") {
        // Nobody anonymous has any: there is no such field for them.
        let things = declaration.find("things").unwrap();
        let query = ListQuery { filter: Some(text.to_owned()), ..all() };
        let ctx = world.source.ctx(actor.clone(), Arc::default());
        return assert_eq!(open.list(&ctx, things, query).await.unwrap_err().code(), Code::BadQuery);
    }
    let in_sql = listed(open, world, actor, Some(text.to_owned())).await.unwrap();
    assert_eq!(in_memory, in_sql, "{text} as a filter for {actor:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_and_both_engines_agree() {
    testkit::on_both(async |db| {
        let world = World::new(db, &format!("{FOLDERS}{TABLE}")).await;
        let mut runner = runner();
        let rows = Rows::fill(&world, &mut runner).await;
        assert_eq!((rows.things.len(), rows.folders.len()), (40, 5));
        let open = format!("{FOLDERS}{TABLE}[things.access]\nread = 'true'");
        let open = Records::new(declare(&open), &keyring()).unwrap();
        let actors = [Actor::Anonymous, user(1, &[]), user(2, &["reader"])];
        for number in 0..cases() {
            let text = generate(&expression(), &mut runner);
            let actor = &actors[number % actors.len()];
            if number % 2 == 0 {
                as_rule(&rows, &world, &text, actor).await;
            } else {
                as_filter(&rows, &world, &open, &text, actor).await;
            }
        }
    })
    .await;
}

/// 10,000 on each engine by default; `HARDPAN_RULE_CASES` asks for another number when the tests are built.
fn cases() -> usize {
    option_env!("HARDPAN_RULE_CASES").and_then(|cases| cases.parse().ok()).unwrap_or(10_000)
}

fn all() -> ListQuery {
    ListQuery { limit: Limit::new(200).unwrap(), ..ListQuery::default() }
}

const fn epoch() -> Timestamp {
    Timestamp::from_micros(0)
}
