//! Declared tables of every type, with records in them.
use std::{fmt::Debug, sync::Arc};

use ::store::{Ctx, Source};
use kernel::{Actor, Error, Id, Principal, Result, Secret, UserId, Uuid, error::Kind};
use platform::secrets::Keyring;
use resources::{
    records::{
        Records,
        transfer::{Format, Import, Refusal, Summary, Watch},
    },
    schema::{self, Declaration, Resource},
};
use testkit::TestDb;

const DECLARED: &str = include_str!("world.toml");
const FOLDERS: &str = include_str!("folders.jsonl");
const THINGS: &str = include_str!("things.jsonl");

pub struct World {
    pub source: Source,
    pub records: Records,
    _db: TestDb,
}

impl World {
    /// Migrated, with the declared tables, and records in them.
    pub async fn new(db: TestDb) -> Self {
        let source = db.source.clone();
        let system = source.system("fuzz");
        let migrations = [platform::migrations(), identity::migrations(), resources::migrations()].concat();
        ::store::migrate::apply(&system, &[::store::migrations(), migrations].concat()).await.expect("a database");
        let records = Records::new(declare(DECLARED), &keyring()).expect("records");
        let plan = schema::apply(&system, records.declaration()).await.expect("tables");
        assert_eq!(plan.refused, Vec::<String>::new());
        for owner in [1, 2] {
            crate::store::account(&system, id(owner)).await.expect("an account");
        }
        let world = Self { source, records, _db: db };
        for (name, rows) in [("folders", FOLDERS), ("things", THINGS), ("secrets", THINGS)] {
            let mut watch = Refused::default();
            let summary = world.import(name, Format::JsonLines, rows.as_bytes(), false, &mut watch).await;
            assert_eq!(watch.0, Vec::<String>::new());
            assert_eq!(summary.expect("records").refused, 0);
        }
        world
    }

    pub fn resource(&self, name: &str) -> Arc<Resource> {
        Arc::clone(self.records.declaration().find(name).expect("a declared resource"))
    }

    pub fn ctx(&self, actor: Actor) -> Ctx {
        self.source.ctx(actor, Arc::default())
    }

    pub async fn import(
        &self,
        name: &str,
        format: Format,
        file: &[u8],
        is_dry_run: bool,
        watch: &mut Refused,
    ) -> Result<Summary> {
        let import = Import { format, owner: Some(id(1)), upsert: Vec::new(), is_dry_run };
        let input = Box::new(std::io::Cursor::new(file.to_vec()));
        self.records.import(&self.source.system("fuzz"), &self.resource(name), &import, input, watch).await
    }
}

/// The rows that were not taken.
#[derive(Default)]
pub struct Refused(pub Vec<String>);

impl Watch for Refused {
    fn progress(&mut self, _: &Summary) {}

    fn refused(&mut self, refusal: &Refusal) -> Result<()> {
        self.0.push(refusal.to_text());
        Ok(())
    }
}

fn declare(text: &str) -> Arc<Declaration> {
    let table: toml::Table = text.parse().expect("TOML");
    let (declaration, problems) = schema::parse(&table, &toml::Table::new(), &|_| false);
    assert_eq!(problems, []);
    Arc::new(declaration)
}

pub fn keyring() -> Keyring {
    Keyring::new(Secret::new(vec![7; 32]), None).expect("a keyring")
}

pub fn id(number: u128) -> UserId {
    UserId::from_uuid(Uuid::from_u128(number))
}

pub fn user(number: u128, roles: &[&str]) -> Actor {
    Actor::Full(Principal {
        roles: roles.iter().map(|role| Arc::from(*role)).collect(),
        ..Principal::of_session(id(number), Id::from_uuid(Uuid::nil()))
    })
}

/// What an answer came to. Panics where the server, not the request, is to blame.
pub fn told<T: Debug>(answer: Result<T>) -> Result<T, String> {
    answer.map_err(|error| refused(&error))
}

fn refused(error: &Error) -> String {
    let kind = error.code().kind();
    assert!(!matches!(kind, Kind::Internal | Kind::Unavailable | Kind::Timeout), "{error:?}");
    let fields: Vec<String> =
        error.fields().iter().map(|field| format!("{} {} {}", field.field, field.code, field.message)).collect();
    format!("{} {fields:?}", error.code().as_str())
}
