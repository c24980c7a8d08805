//! Builds the state and lists the slices: the one place where the crates meet.
mod housekeeping;
mod settings;

use std::{path::PathBuf, sync::Arc};

pub use housekeeping::{Part, Purge};
use identity::{AccountKeeper, Identity};
use kernel::{Clock, Code, Error, OsRandom, Random, Result, Secret, SystemClock, id};
use platform::{
    notifications::Notifications,
    outbox::{self, Outbox},
    secrets::{self, Keyring, Master},
    single_use,
};
use resources::{
    records::{self, Records},
    schema::{self, Declaration},
};
use serde_json::Value as Json;
use store::{
    Db, Migration, Source,
    claim::{Claim, Mode, claim},
    copy,
    statement::Recording,
};
use web::{Authenticate as _, Routes};

use crate::{
    config::{self, Config, Finding, Level, Loaded, MasterKey, Profile},
    docs::{self, Docs},
    health::{self, Health},
    messages,
};

/// Every migration of every crate, in no particular order.
pub fn migrations() -> Vec<Migration> {
    [store::migrations(), platform::migrations(), identity::migrations(), resources::migrations()].concat()
}

/// The declared resources and roles of an app file, and what is wrong with them.
pub fn declare(loaded: &Loaded) -> (Arc<Declaration>, Vec<Finding>) {
    let own_tables: Vec<&str> = migrations().iter().flat_map(Migration::created_tables).collect();
    let (declaration, problems) = schema::parse(&loaded.resources, &loaded.roles, &|name| own_tables.contains(&name));
    let findings = problems.into_iter().map(|problem| {
        let level = if problem.is_error { Level::Error } else { Level::Warning };
        Finding::new(level, problem.key, problem.reason, problem.fix)
    });
    let mut findings: Vec<_> = findings.collect();
    let declared = declaration.declared_roles();
    let is_unknown = |role: &&String| declared.as_ref().is_some_and(|declared| !declared.contains(&role.as_str()));
    findings.extend(loaded.require_mfa().iter().filter(is_unknown).map(|role| {
        let fix = format!("declare [roles.{role}], or leave it out");
        Finding::error("auth.require_mfa", format!("names `{role}`, which is not declared"), fix)
    }));
    (Arc::new(declaration), findings)
}

/// A configuration with its database open and its master key known.
pub struct Foundation {
    pub config: Config,
    pub source: Source,
    pub declaration: Arc<Declaration>,
    pub outbox: Outbox,
    pub notifications: Notifications,
    keyring: Keyring,
    /// Held as long as the database is worked on.
    claim: Option<Claim>,
}

/// Opens the database. Errors: it cannot be reached, or is of a version Hardpan does not work with.
pub async fn open(
    config: Config,
    declaration: Arc<Declaration>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
) -> Result<Foundation> {
    let (source, claim) = open_source(&config, clock, random).await?;
    let foundation = Foundation::new(config, declaration, source)?;
    Ok(Foundation { claim: Some(claim), ..foundation })
}

/// Opens the database for work beside others, without a master key. Errors: it cannot be reached, or is no whole database.
pub async fn open_source(config: &Config, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Result<(Source, Claim)> {
    let options = database_options(config);
    let detail = "The database is being restored or moved; try again when that has ended.";
    let busy = || Error::new(Code::Unavailable).with_detail(detail);
    let claim = claim(&options, Mode::Shared).await?.ok_or_else(busy)?;
    let source = Source { db: Db::open(options).await?, clock, random };
    if copy::source_of(&source.system("start")).await?.is_some() {
        let detail = "The database is the target of a copy that has not ended. Run the same `hardpan move` again.";
        return Err(Error::new(Code::Internal).with_detail(detail));
    }
    Ok((source, claim))
}

/// The master key's secrets. Errors: the key kept in the data folder cannot be read or made.
fn keyring(config: &Config, random: &dyn Random) -> Result<Keyring> {
    Keyring::new(config.master_key(random)?.secret(), config.previous_master_key.as_ref().map(MasterKey::secret))
}

/// The same where there is a master key already: a new one opens nothing. Errors: the key kept in the data folder cannot be read.
pub fn existing_keyring(config: &Config) -> Result<Option<Keyring>> {
    let previous = config.previous_master_key.as_ref().map(MasterKey::secret);
    config.existing_master_key()?.map(|key| Keyring::new(key.secret(), previous)).transpose()
}

/// How the app's database is opened.
pub(crate) fn database_options(config: &Config) -> store::Options {
    let database = &config.database;
    store::Options {
        pool_min: database.pool_min,
        pool_max: database.pool_max,
        queue: database.queue,
        wait: database.wait,
        statement: database.statement_timeout,
        replicas: database.replicas.clone(),
        max_lag: database.replica_max_lag,
        slow: database.slow_query,
        tls_ca: database.tls_ca.clone(),
        ..store::Options::new(database.url.expose().clone())
    }
}

impl Foundation {
    /// Over a database that is open. Errors: the master key kept in the data folder cannot be read or made; a template is wrong.
    pub fn new(config: Config, declaration: Arc<Declaration>, source: Source) -> Result<Self> {
        let keyring = keyring(&config, &*source.random)?;
        let (outbox, notifications) = messages::assemble(&config, &keyring)?;
        Ok(Self { config, source, declaration, outbox, notifications, keyring, claim: None })
    }

    pub const fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// Accounts and their rules, without serving them. Errors: the master key is not the database's.
    pub async fn identity(&self, records: &Records) -> Result<Identity> {
        let ctx = self.source.system("start");
        let master = secrets::check_master(&ctx, &self.keyring).await?;
        let keepers: Vec<Arc<dyn AccountKeeper>> = vec![Arc::new(records.clone())];
        let outbound = web::Outbound::new(&self.config.outbound.allow)?;
        let settings = self.identity_settings(&outbound)?;
        let messenger = identity::Messenger { notifications: self.notifications.clone(), outbound };
        let identity = Identity::start(&self.source, &self.keyring, settings, keepers, messenger).await?;
        // Also when the key is adopted already: another node may have gone on under the previous one for a while.
        if self.keyring.has_previous() {
            // The signing keys and the stored key were sealed anew when they were loaded.
            outbox::rewrap(&ctx, &self.keyring).await?;
            single_use::rewrap(&ctx, &self.keyring).await?;
            identity::factors::rewrap(&ctx, &self.keyring).await?;
        }
        if master == Master::Previous {
            secrets::adopt_master(&ctx, &self.keyring).await?;
        }
        Ok(identity)
    }

    pub fn records(&self) -> Result<Records> {
        Records::new(Arc::clone(&self.declaration), &self.keyring)
    }

    /// Everything that serves requests. The database must be [prepared](Self::prepare).
    pub async fn build(self) -> Result<Server> {
        let records = self.records()?;
        let identity = self.identity(&records).await?;
        let health = Health::new(self.source.clone(), self.outbox.clone());
        let mut routes = slices(&identity, &records, &health);
        let docs = Docs::default();
        routes.extend(docs::routes(&docs, self.config.server.has_public_docs));
        docs.fill(&document(&self.config, &identity, &routes));
        let settings = self.web_settings();
        let app = web::service(routes.clone(), settings, self.source.clone(), Arc::new(identity.clone()))?;
        let Self { config, source, outbox, notifications, claim, .. } = self;
        Ok(Server { app, config, source, routes, identity, records, outbox, notifications, health, _claim: claim })
    }
}

/// The slices that answer requests.
fn slices(identity: &Identity, records: &Records, health: &Health) -> Routes {
    [health::routes(health), identity.routes(), records::routes(records)].concat()
}

/// An app over a scratch database, which is gone when this is dropped.
pub struct Scratch {
    pub foundation: Foundation,
    /// Last, so that the database is let go before.
    pub folder: Folder,
}

/// Removed when dropped.
pub struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, folder = %self.0.display(), "a scratch folder stays");
        }
    }
}

impl Scratch {
    /// An empty database, not [prepared](Foundation::prepare) yet; `recording` hears its statements.
    pub async fn open(config: Config, declaration: Arc<Declaration>, recording: Option<Recording>) -> Result<Self> {
        let random = Arc::new(OsRandom);
        let folder = std::env::temp_dir().join(format!("hardpan-{}", id::uuid_v7(SystemClock.now(), &*random)));
        let config = Config {
            profile: Profile::Testing,
            given_master_key: Some(config::generate_master_key(&*random)),
            database: config::Database {
                url: Secret::new(format!("sqlite:{}", folder.join("scratch.db").display())),
                replicas: Vec::new(),
                ..config.database
            },
            ..config
        };
        let folder = Folder(folder);
        let db = Db::open(store::Options { recording, ..database_options(&config) }).await?;
        let foundation = Foundation::new(config, declaration, Source { db, clock: Arc::new(SystemClock), random })?;
        Ok(Self { foundation, folder })
    }
}

/// The OpenAPI document of an app that is not served.
pub async fn offline_document(config: Config, declaration: Arc<Declaration>) -> Result<Json> {
    let Scratch { foundation, folder } = Box::pin(Scratch::open(config, declaration, None)).await?;
    foundation.prepare().await?;
    let server = foundation.build().await?;
    server.source.db.close().await;
    drop(folder);
    Ok(server.document())
}

/// The OpenAPI document of these routes.
fn document(config: &Config, identity: &Identity, routes: &Routes) -> Json {
    let app = &config.app;
    web::openapi::document(&app.name, env!("CARGO_PKG_VERSION"), &app.public_url, identity.access_cookie(), routes)
}

/// A server that is ready to answer.
pub struct Server {
    pub app: web::App,
    pub config: Config,
    pub source: Source,
    /// What it answers, as data.
    pub routes: Routes,
    pub identity: Identity,
    pub records: Records,
    /// It delivers while it is [started](Outbox::start).
    pub outbox: Outbox,
    pub notifications: Notifications,
    pub health: Health,
    /// Held until the server is gone.
    _claim: Option<Claim>,
}

impl Server {
    /// The OpenAPI document of what it answers.
    pub fn document(&self) -> Json {
        document(&self.config, &self.identity, &self.routes)
    }
}
