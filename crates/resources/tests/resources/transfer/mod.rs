//! Export and import on both engines.
mod refused;
mod round_trip;
mod upsert;

use kernel::{Id, UserId, Uuid, id};
use resources::records::transfer::{Export, Format, Import, Refusal, Summary, Watch};
use serde_json::Value as Json;
use testkit::TestDb;

use crate::support::World;

/// Every field type, a reference to the same resource and to another, soft deletion, unique keys.
pub const APP: &str = r#"
[folders]
id_prefix = "fld"
[folders.fields]
name = { type = "text", required = true, min_length = 1, max_length = 20 }
parent = { type = "ref", to = "folders" }

[things]
id_prefix = "thg"
soft_delete = true
unique = [["shelf", "place"]]
[things.fields]
title = { type = "text", required = true, max_length = 200 }
body = { type = "text", max_length = 100000 }
count = { type = "int" }
ratio = { type = "float" }
price = { type = "decimal", precision = 18, scale = 4 }
done = { type = "bool", default = false }
at = { type = "timestamp" }
day = { type = "date" }
data = { type = "json" }
state = { type = "enum", values = ["open", "-closed"], default = "open" }
contact = { type = "email" }
link = { type = "url" }
folder = { type = "ref", to = "folders" }
slug = { type = "text", unique = true, max_length = 100 }
shelf = { type = "int" }
place = { type = "int" }

[settings]
owner = "none"
[settings.fields]
key = { type = "text", required = true, unique = true, max_length = 100 }
value = { type = "json" }
"#;

pub const ANN: u128 = 1;
pub const BOB: u128 = 2;

/// A world with two accounts.
pub async fn world(db: TestDb) -> World {
    let world = World::new(db, APP).await;
    world.account(ANN).await;
    world.account(BOB).await;
    world
}

pub fn shown_user(number: u128) -> String {
    UserId::from_uuid(Uuid::from_u128(number)).to_string()
}

pub fn shown(prefix: &str, number: u128) -> String {
    id::encode(prefix, Uuid::from_u128(number))
}

pub fn user_id(number: u128) -> UserId {
    Id::from_uuid(Uuid::from_u128(number))
}

#[derive(Default)]
pub struct Watched(pub Vec<Refusal>);

impl Watch for Watched {
    fn progress(&mut self, _: &Summary) {}

    fn refused(&mut self, refusal: &Refusal) -> kernel::Result<()> {
        self.0.push(refusal.clone());
        Ok(())
    }
}

impl Watched {
    /// `line code field:code ...` of each refusal, in the order of lines.
    pub fn short(&self) -> Vec<String> {
        let mut refused: Vec<_> = self.0.iter().collect();
        refused.sort_by_key(|refusal| refusal.line);
        let short = |refusal: &Refusal| {
            let fields = refusal.errors.iter().flat_map(|error| [" ", &error.field, ":", error.code]);
            fields.fold(format!("{} {}", refusal.line, refusal.code), |short, part| short + part)
        };
        refused.into_iter().map(short).collect()
    }
}

pub fn lines() -> Import {
    Import { format: Format::JsonLines, owner: None, upsert: Vec::new(), is_dry_run: false }
}

pub fn owned(number: u128) -> Import {
    Import { owner: Some(user_id(number)), ..lines() }
}

pub async fn import(world: &World, resource: &str, import: &Import, file: &str) -> (Summary, Watched) {
    import_bytes(world, resource, import, file.as_bytes()).await
}

pub async fn import_bytes(world: &World, resource: &str, import: &Import, file: &[u8]) -> (Summary, Watched) {
    let mut watched = Watched::default();
    let (ctx, resource) = (world.system(), world.resource(resource));
    let summary = world.records.import(&ctx, &resource, import, Box::new(file), &mut watched).await.unwrap();
    (summary, watched)
}

/// Everything of a resource, soft-deleted records included.
pub async fn export(world: &World, resource: &str, format: Format) -> String {
    let all = Export { format, fields: Vec::new(), filter: None, has_deleted: true };
    export_with(world, resource, &all).await
}

pub async fn export_with(world: &World, resource: &str, export: &Export) -> String {
    let mut file = Vec::new();
    let (ctx, resource) = (world.system(), world.resource(resource));
    let total = world.records.export(&ctx, &resource, export, &mut file, &mut |_| ()).await.unwrap();
    let text = String::from_utf8(file).unwrap();
    if export.format == Format::JsonLines {
        assert_eq!(text.lines().count() as u64, total);
    }
    text
}

/// A file of JSON Lines.
pub fn file(rows: impl IntoIterator<Item = Json>) -> String {
    rows.into_iter().flat_map(|row| [row.to_string(), "\n".to_owned()]).collect()
}

pub const fn summary(created: u64, updated: u64, unchanged: u64, refused: u64) -> Summary {
    Summary { created, updated, unchanged, refused }
}
