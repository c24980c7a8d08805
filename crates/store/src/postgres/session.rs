//! A session of its own that holds an advisory lock for as long as a process works on the database.
use std::time::Duration;

use kernel::Result;
use tokio::task::AbortHandle;
use tokio_postgres::{Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{classify, tls, url};
use crate::{Options, claim::Mode};

/// How long after a lost connection the lock is asked for again.
const PAUSE: Duration = Duration::from_secs(1);

/// Ends with its process, or when it is dropped.
pub(crate) struct Session {
    keeper: AbortHandle,
}

impl Session {
    /// Nothing when another session excludes it.
    pub async fn claim(options: &Options, mode: Mode) -> Result<Option<Self>> {
        let config = url::parse(options.url.expose(), options.tls_ca.is_some())?;
        let tls = tls::connector(options.tls_ca.as_deref())?;
        let opened = open(&config, &tls, mode).await.map_err(|error| {
            let cannot = "PostgreSQL cannot be reached or refuses the log-in.";
            classify::error(error).with_detail(cannot)
        })?;
        let Some(held) = opened else { return Ok(None) };
        let keeper = tokio::spawn(keep(config, tls, mode, held));
        Ok(Some(Self { keeper: keeper.abort_handle() }))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

/// A client, and the end of its connection.
struct Held {
    client: Client,
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
) -> std::result::Result<Option<Held>, tokio_postgres::Error> {
    let (client, connection) = config.connect(tls.clone()).await?;
    let ended = tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::warn!(%error, "the connection that says this database is in use ended");
        }
    });
    let held = Held { client, ended };
    // Unknown before PostgreSQL 14, where nothing ends idle sessions.
    let _ = held.client.batch_execute("SET idle_session_timeout = 0").await;
    let lock = match mode {
        Mode::Shared => "pg_try_advisory_lock_shared",
        Mode::Alone => "pg_try_advisory_lock",
    };
    // Applications may share a database, each in a schema of its own.
    let sql = format!("SELECT {lock}(hashtextextended('hardpan in use: ' || current_schema(), 0))");
    let is_held = held.client.query_one(&sql, &[]).await?.try_get(0)?;
    Ok(if is_held { Some(held) } else { None })
}

/// Holds the lock, and takes it anew after a lost connection.
async fn keep(config: Config, tls: MakeRustlsConnect, mode: Mode, mut held: Held) {
    loop {
        let _ = (&mut held.ended).await;
        held = loop {
            tokio::time::sleep(PAUSE).await;
            if let Ok(Some(held)) = open(&config, &tls, mode).await {
                break held;
            }
        };
    }
}
