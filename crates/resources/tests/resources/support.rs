//! A database with declared tables, and actors.
use std::sync::Arc;

use futures_util::FutureExt as _;
use kernel::{Actor, Id, Principal, Secret, UserId, Uuid};
use platform::secrets::Keyring;
use resources::{
    records::Records,
    schema::{self, Declaration, Resource},
};
use serde_json::{Map, Value as Json};
use store::{Ctx, Source};
use testkit::TestDb;

pub struct World {
    pub source: Source,
    pub records: Records,
    _db: TestDb,
}

impl World {
    /// Tables for `text`, the `[resources]` part of an app file.
    pub async fn new(db: TestDb, text: &str) -> Self {
        let source = db.source.clone();
        let system = source.system("test");
        let migrations = [platform::migrations(), identity::migrations(), resources::migrations()].concat();
        store::migrate::apply(&system, &migrations).await.unwrap();
        let records = Records::new(declare(text), &keyring()).unwrap();
        let plan = schema::apply(&system, records.declaration()).await.unwrap();
        assert_eq!(plan.refused, Vec::<String>::new());
        Self { source, records, _db: db }
    }

    /// An account for the user of this number.
    pub async fn account(&self, number: u128) {
        let system = self.system();
        let made = system.write(move |ctx, tx| {
            async move {
                let sql = "INSERT INTO users (id, preferences, state, created_at, updated_at, version) \
                           VALUES ($1, $2, 'active', $3, $3, 1)";
                let id = UserId::from_uuid(Uuid::from_u128(number));
                tx.execute(sql, &[id.into(), kernel::Value::Json("{}".into()), ctx.now().into()]).await
            }
            .boxed()
        });
        assert_eq!(made.await.unwrap(), 1);
    }

    pub fn resource(&self, name: &str) -> Arc<Resource> {
        Arc::clone(self.records.declaration().find(name).unwrap())
    }

    pub fn system(&self) -> Ctx {
        self.source.system("test")
    }

    pub fn user(&self, number: u128, roles: &[&str]) -> Ctx {
        self.source.ctx(user(number, roles), Arc::default())
    }
}

pub fn declare(text: &str) -> Arc<Declaration> {
    let (declaration, problems) = schema::parse(&text.parse().unwrap(), &toml::Table::new(), &|_| false);
    assert_eq!(problems, []);
    Arc::new(declaration)
}

pub fn keyring() -> Keyring {
    Keyring::new(Secret::new(vec![7; 32]), None).unwrap()
}

pub fn user(number: u128, roles: &[&str]) -> Actor {
    Actor::Full(Principal {
        roles: roles.iter().map(|role| Arc::from(*role)).collect(),
        ..Principal::of_session(UserId::from_uuid(Uuid::from_u128(number)), Id::from_uuid(Uuid::nil()))
    })
}

pub fn object(json: Json) -> Map<String, Json> {
    match json {
        Json::Object(object) => object,
        _ => panic!("an object is needed"),
    }
}
