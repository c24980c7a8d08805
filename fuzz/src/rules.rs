//! Filters, orders and searches of lists, and the expressions they share with access rules. What type-checks runs as SQL and is true
//! of the same records as in memory.
use std::{collections::BTreeMap, sync::Arc};

use kernel::{
    Actor, Code, Uuid, Value,
    rule::{Column, Related, Rule, Scope},
};
use resources::{
    records::{Counting, ListQuery, Parts},
    schema::{Declaration, Resource},
};
use testkit::TestDb;

use crate::{
    Target,
    world::{World, told, user},
};

/// Parts the filter, the order, the search, the fields and the references that come along.
const PARTING: char = '\u{1f}';

pub struct Rules {
    world: World,
    things: Arc<Resource>,
    secrets: Arc<Resource>,
    /// Each of the things, with the folder it refers to.
    rows: Vec<(Uuid, Vec<Value>, Related)>,
    actors: [Actor; 3],
}

impl Target for Rules {
    const NAME: &'static str = "rules";
    const HAS_DATABASE: bool = true;

    async fn new(db: TestDb) -> Self {
        let world = World::new(db).await;
        let (things, secrets) = (world.resource("things"), world.resource("secrets"));
        let ctx = world.ctx(user(1, &["admin"]));
        let all = async |resource: &Arc<Resource>| {
            let page = world.records.list(&ctx, resource, ListQuery::default()).await.expect("a list");
            let rows = page.items.iter().map(|item| (item.id().expect("an id"), item.values.clone()));
            rows.collect::<BTreeMap<_, _>>()
        };
        let folders = all(&world.resource("folders")).await;
        let (place, _) = things.column("folder").expect("a reference");
        let rows = all(&things).await.into_iter().map(|(id, values)| {
            let mut related = Related::default();
            if let Some(Value::Uuid(folder)) = values.get(place) {
                related.insert(place, folders.get(folder).expect("a folder").clone(), Related::default());
            }
            (id, values, related)
        });
        let rows = rows.collect();
        Self { world, things, secrets, rows, actors: [Actor::Anonymous, user(1, &[]), user(2, &["reader"])] }
    }

    async fn run(&self, input: &[u8]) -> String {
        let Ok(text) = std::str::from_utf8(input) else { return String::new() };
        let mut parts = text.split(PARTING);
        let mut part = || parts.next().filter(|part| !part.is_empty()).map(str::to_owned);
        let filter = part().unwrap_or_default();
        let query = ListQuery {
            filter: Some(filter.clone()),
            sort: part(),
            search: part(),
            parts: Parts { fields: part(), expand: part() },
            count: Some(Counting::Exact),
            ..ListQuery::default()
        };
        self.in_memory(&filter);
        let mut found = self.agree(&filter).await;
        for actor in &self.actors {
            let ctx = self.world.ctx(actor.clone());
            let listed = told(self.world.records.list(&ctx, &self.secrets, query.clone()).await);
            found.push(format!("{:?}", listed.map(|page| serde_json::to_string(&page.items).expect("JSON").len())));
        }
        found.join("\n")
    }
}

impl Rules {
    /// Asks SQL and memory the same, for every actor.
    async fn agree(&self, filter: &str) -> Vec<String> {
        let rule = Rule::parse(filter, &Fields(self.world.records.declaration(), &self.things));
        let mut found = Vec::new();
        for actor in &self.actors {
            let ctx = self.world.ctx(actor.clone());
            let query = ListQuery { filter: Some(filter.to_owned()), ..ListQuery::default() };
            let listed = self.world.records.list(&ctx, &self.things, query).await;
            let Ok(rule) = &rule else {
                assert_eq!(listed.map(|page| page.items.len()).map_err(|error| error.code()), Err(Code::BadQuery));
                return vec![format!("{rule:?}")];
            };
            let bound = rule.bind(actor, ctx.now());
            let matching = self.rows.iter().filter(|(_, values, related)| bound.matches_with(values, related));
            let expected: Vec<Uuid> = matching.map(|(id, ..)| *id).collect();
            let page = told(listed).expect("what type-checks is answered");
            let listed: Vec<Uuid> = page.items.iter().map(|item| item.id().expect("an id")).collect();
            assert_eq!(listed, expected, "{filter} for {actor:?}: {bound:?}");
            found.push(format!("{listed:?}"));
        }
        found
    }

    /// Rules that never become SQL may match patterns.
    fn in_memory(&self, text: &str) {
        let Ok(rule) = Rule::parse_in_memory(text, &Fields(self.world.records.declaration(), &self.things)) else {
            return;
        };
        let (_, _) = (rule.roles(), rule.reads_record_alone());
        for actor in &self.actors {
            let bound = rule.bind(actor, self.world.ctx(actor.clone()).now());
            let _ = bound.needs();
            for (_, values, related) in &self.rows {
                bound.matches_with(values, related);
            }
        }
    }
}

/// What a rule may read.
struct Fields<'a>(&'a Declaration, &'a Resource);

impl Scope for Fields<'_> {
    fn column(&self, name: &str) -> Option<Column> {
        self.1.rule_column(name)
    }

    fn related(&self, column: usize) -> Option<Box<dyn Scope + '_>> {
        Some(Box::new(Fields(self.0, self.0.target(self.1, column)?)))
    }
}
