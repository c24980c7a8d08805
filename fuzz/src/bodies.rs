//! Bodies of records: what is taken is stored as it was sent, what a patch does it does once, and rows of files are judged as bodies
//! are. Nothing a body holds is the server's fault.
use std::sync::Arc;

use ::store::Ctx;
use kernel::{Error, Uuid, json};
use resources::{
    records::{Parts, transfer::Format},
    schema::Resource,
};
use serde_json::{Map, Value as Json};
use testkit::TestDb;

use crate::{
    Target,
    world::{Refused, World, told, user},
};

/// Parts a create from the patches that follow.
const PARTING: u8 = 0x1f;

pub struct Bodies {
    world: World,
    things: Arc<Resource>,
    ctx: Ctx,
}

impl Target for Bodies {
    const NAME: &'static str = "bodies";
    const HAS_DATABASE: bool = true;

    async fn new(db: TestDb) -> Self {
        let world = World::new(db).await;
        let (things, ctx) = (world.resource("things"), world.ctx(user(1, &["reader"])));
        Self { world, things, ctx }
    }

    /// The first byte tells what the rest is.
    async fn run(&self, input: &[u8]) -> String {
        match input.split_first() {
            Some((b'c', rest)) => self.csv(rest).await,
            Some((b'l', rest)) => self.rows(Format::JsonLines, rest).await,
            Some((b'b', rest)) => self.batch(rest).await,
            _ => self.write(input).await,
        }
    }
}

impl Bodies {
    async fn write(&self, input: &[u8]) -> String {
        let mut bodies = input.split(|byte| *byte == PARTING);
        let Some(body) = object(bodies.next().unwrap_or_default()) else { return String::new() };
        let is_in_shape = self.things.input().check(&Json::Object(body.clone()));
        let created = self.world.records.create(&self.ctx, &self.things, body.clone()).await;
        Self::same_verdict(&is_in_shape, created.as_ref().err(), &body);
        let record = match told(created) {
            Ok(record) => record,
            Err(why) => return why,
        };
        let id = record.id().expect("an id");
        let mut shown = self.declared(&Json::from(serde_json::to_string(&record).expect("JSON")));
        assert_eq!(self.read(id).await, shown, "what was answered is what is stored");
        let mut story = vec![format!("{shown:?}")];
        for patch in bodies {
            let Some(patch) = object(patch) else { break };
            let first = told(self.world.records.update(&self.ctx, &self.things, id, None, patch.clone()).await);
            let Ok(first) = first else {
                assert_eq!(self.read(id).await, shown, "what is refused changes nothing");
                story.push(first.err().unwrap_or_default());
                continue;
            };
            shown = self.read(id).await;
            let again = self.world.records.update(&self.ctx, &self.things, id, None, patch).await;
            let again = told(again).expect("what was taken is taken again");
            assert_eq!(again.version(), first.version(), "the same patch changes nothing more");
            story.push(format!("{shown:?}"));
        }
        // What is shown can be sent back.
        let replaced = self.world.records.replace(&self.ctx, &self.things, id, None, shown.clone()).await;
        told(replaced).expect("what is shown is taken");
        assert_eq!(self.read(id).await, shown, "what is sent back is what it was");
        told(self.world.records.delete(&self.ctx, &self.things, id, None).await).expect("it is deleted");
        story.join("\n")
    }

    /// The published shape and the service judge alike, but for what only the database knows.
    fn same_verdict(shape: &kernel::Result<()>, refusal: Option<&Error>, body: &Map<String, Json>) {
        let fields = refusal.map(Error::fields).unwrap_or_default();
        let is_of_database = !fields.is_empty() && fields.iter().all(|field| field.code == "not_found");
        let is_taken = refusal.is_none() || is_of_database;
        assert_eq!(shape.is_ok(), is_taken, "{body:?}: {shape:?}, {refusal:?}");
    }

    async fn batch(&self, input: &[u8]) -> String {
        let Some(body) = object(input) else { return String::new() };
        let done = told(self.world.records.batch(&self.ctx, &self.things, body).await);
        done.map_or_else(|why| why, |batched| format!("{}", batched.created.len()))
    }

    async fn csv(&self, input: &[u8]) -> String {
        self.rows(Format::Csv, input).await
    }

    async fn rows(&self, format: Format, input: &[u8]) -> String {
        let mut refused = Refused::default();
        let summary = told(self.world.import("things", format, input, true, &mut refused).await);
        format!("{summary:?} {:?}", refused.0)
    }

    async fn read(&self, id: Uuid) -> Map<String, Json> {
        let record = self.world.records.get(&self.ctx, &self.things, id, &Parts::default()).await;
        let record = told(record).expect("it can be read");
        self.declared(&Json::from(serde_json::to_string(&record).expect("JSON")))
    }

    /// What clients write of a record that was shown.
    fn declared(&self, shown: &Json) -> Map<String, Json> {
        let shown = shown.as_str().and_then(|text| object(text.as_bytes())).expect("an object");
        let is_declared = |name: &str| self.things.declared().any(|(_, column)| column.name == name);
        shown.into_iter().filter(|(name, _)| is_declared(name)).collect()
    }
}

fn object(text: &[u8]) -> Option<Map<String, Json>> {
    match json::parse(text) {
        Ok(Json::Object(object)) => Some(object),
        _ => None,
    }
}
