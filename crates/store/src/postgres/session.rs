//! A session of its own that holds an advisory lock for as long as a process works on the database.
use std::time::Duration;

use kernel::Result;
use tokio::task::AbortHandle;
use tokio_postgres::{Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{classify, tls, url};
use crate::{Options, Tx, claim::Mode};

/// How long after a lost connection the lock is asked for again.
const PAUSE: Duration = Duration::from_secs(1);

/// Applications may share a database, each in a schema of its own.
const IN_USE: &str = "'hardpan in use: ' || current_schema()";

/// Ends with its process, or when it is dropped.
pub(crate) struct Session {
    keeper: AbortHandle,
    /// The process of PostgreSQL that had the lock at first.
    pub backend: i32,
}

impl Session {
    /// The database, or a schema alone that was made for its holder. Nothing when another session excludes it.
    pub async fn claim(options: &Options, mode: Mode, schema: Option<&str>) -> Result<Option<Self>> {
        let key = schema.map_or_else(|| IN_USE.to_owned(), |name| format!("'{}'", key_of_schema(name)));
        let config = url::parse(options.url.expose(), options.tls_ca.is_some())?;
        let tls = tls::connector(options.tls_ca.as_deref())?;
        let opened = open(&config, &tls, mode, &key).await.map_err(|error| {
            let cannot = "PostgreSQL cannot be reached or refuses the log-in.";
            classify::error(error).with_detail(cannot)
        })?;
        let Some(held) = opened else { return Ok(None) };
        let backend = held.backend;
        let keeper = tokio::spawn(keep(config, tls, mode, key, held));
        Ok(Some(Self { keeper: keeper.abort_handle(), backend }))
    }
}

/// What is locked for a schema that lives as long as its maker.
pub(crate) fn key_of_schema(name: &str) -> String {
    format!("hardpan scratch: {name}")
}

/// Whether the session of `backend` has the database alone still.
pub(crate) async fn is_alone(tx: &mut Tx<'_>, backend: i32) -> Result<bool> {
    let sql = format!(
        "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ExclusiveLock' AND granted AND objsubid = 1
            AND pid = $1::bigint AND (classid::bigint << 32) | objid::bigint = hashtextextended({IN_USE}, 0)"
    );
    Ok(tx.query_opt(&sql, &[i64::from(backend).into()]).await?.is_some())
}

impl Drop for Session {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

/// A client, and the end of its connection.
struct Held {
    client: Client,
    backend: i32,
    ended: tokio::task::JoinHandle<()>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.ended.abort();
    }
}

async fn open(
    config: &Config,
    tls: &MakeRustlsConnect,
    mode: Mode,
    key: &str,
) -> std::result::Result<Option<Held>, tokio_postgres::Error> {
    let (client, connection) = config.connect(tls.clone()).await?;
    let ended = tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::warn!(%error, "the connection that says this database is in use ended");
        }
    });
    let mut held = Held { client, backend: 0, ended };
    // Unknown before PostgreSQL 14, where nothing ends idle sessions.
    let _ = held.client.batch_execute("SET idle_session_timeout = 0").await;
    let lock = match mode {
        Mode::Shared => "pg_try_advisory_lock_shared",
        Mode::Alone => "pg_try_advisory_lock",
    };
    let sql = format!("SELECT {lock}(hashtextextended({key}, 0)), pg_backend_pid()");
    let row = held.client.query_one(&sql, &[]).await?;
    let is_held = row.try_get(0)?;
    held.backend = row.try_get(1)?;
    Ok(if is_held { Some(held) } else { None })
}

/// Holds the lock, and takes a shared one anew after a lost connection. Who needed the database alone had it no more, and is to know.
async fn keep(config: Config, tls: MakeRustlsConnect, mode: Mode, key: String, mut held: Held) {
    loop {
        let _ = (&mut held.ended).await;
        if mode == Mode::Alone {
            return;
        }
        held = loop {
            tokio::time::sleep(PAUSE).await;
            if let Ok(Some(held)) = open(&config, &tls, mode, &key).await {
                break held;
            }
        };
    }
}
