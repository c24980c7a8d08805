//! One connection: how it is set up, and the statements prepared on it.
use std::{collections::HashMap, time::Duration};

use deadpool::managed::{Manager as PoolManager, Metrics, RecycleError, RecycleResult};
use tokio::task::AbortHandle;
use tokio_postgres::{Client, Config, Error, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

/// Statements kept per connection. Declared resources make their own SQL, so there may be many.
const MOST_STATEMENTS: usize = 256;
/// After this long a connection is asked whether it still lives: something between may have forgotten it.
const STALE: Duration = Duration::from_secs(30);

/// Opens connections for the pool.
pub(super) struct Manager {
    config: Config,
    tls: MakeRustlsConnect,
    setup: String,
}

/// A client and what is known about its session.
pub(super) struct Connection {
    pub client: Client,
    pub statements: Statements,
    /// Nothing may be sent any more: the network hangs or the session is in a state nobody knows.
    pub is_broken: bool,
    driver: AbortHandle,
}

impl Manager {
    /// `statement` bounds every statement; a lock must come in half that time, so that waiting is told from working.
    /// A replica refuses to write; should it be none, the session does.
    pub fn new(
        config: Config,
        tls: MakeRustlsConnect,
        statement: Duration,
        schema: Option<&str>,
        is_replica: bool,
    ) -> Self {
        let milliseconds = statement.as_millis().max(2);
        let search_path = schema.map(|schema| format!("; SET search_path TO \"{schema}\"")).unwrap_or_default();
        let setup = format!(
            "SET statement_timeout = {milliseconds}; SET lock_timeout = {};
             SET idle_in_transaction_session_timeout = {};
             SET default_transaction_isolation = 'read committed'; SET TimeZone = 'UTC'; SET client_encoding = 'UTF8'{search_path}{}",
            milliseconds / 2,
            milliseconds + 5_000,
            if is_replica { "; SET default_transaction_read_only = on" } else { "" },
        );
        Self { config, tls, setup }
    }
}

impl PoolManager for Manager {
    type Type = Connection;
    type Error = Error;

    async fn create(&self) -> Result<Connection, Error> {
        let (client, driver) = self.config.connect(self.tls.clone()).await?;
        let driver = tokio::spawn(async move {
            if let Err(error) = driver.await {
                tracing::warn!(%error, "a PostgreSQL connection ended");
            }
        });
        let mut connection =
            Connection { client, statements: Statements::default(), is_broken: true, driver: driver.abort_handle() };
        connection.client.batch_execute(&self.setup).await?;
        connection.is_broken = false;
        Ok(connection)
    }

    async fn recycle(&self, connection: &mut Connection, metrics: &Metrics) -> RecycleResult<Error> {
        if connection.is_broken || connection.client.is_closed() {
            return Err(RecycleError::message("the connection is closed"));
        }
        if metrics.last_used() > STALE {
            connection.client.batch_execute("").await?;
        }
        Ok(())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // A healthy one says goodbye by itself once the client is gone; a broken one might wait for ever.
        if self.is_broken {
            self.driver.abort();
        }
    }
}

/// A statement the server knows.
#[derive(Clone)]
pub(super) struct Prepared {
    pub statement: Statement,
    pub only_reads: bool,
}

/// The statements used last.
#[derive(Default)]
pub(super) struct Statements {
    by_sql: HashMap<Box<str>, (Prepared, u64)>,
    uses: u64,
}

impl Statements {
    pub fn get(&mut self, sql: &str) -> Option<Prepared> {
        self.uses += 1;
        let (prepared, used) = self.by_sql.get_mut(sql)?;
        *used = self.uses;
        Some(prepared.clone())
    }

    /// Keeps `prepared` and forgets the statement that was not used for longest; dropping it tells the server.
    pub fn put(&mut self, sql: &str, prepared: Prepared) {
        if self.by_sql.len() >= MOST_STATEMENTS {
            let oldest = self.by_sql.iter().min_by_key(|(_, (_, used))| *used).map(|(sql, _)| sql.clone());
            oldest.and_then(|sql| self.by_sql.remove(&sql));
        }
        self.by_sql.insert(sql.into(), (prepared, self.uses));
    }
}
