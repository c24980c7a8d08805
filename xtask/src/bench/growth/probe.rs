//! One kind of request to one table, asked in batches by several clients.
use std::time::Duration;

use kernel::id;
use tokio::task::JoinSet;

use super::report::Line;
use crate::{
    bench::{
        cases::OWN_NEWEST_FIRST,
        measure::{PAGE, Summary},
        store,
        table::{Table, Who},
    },
    live::{http::Client, usage},
};

/// So many at once that the server need not sleep between requests: to be woken is dearer than a get.
const CLIENTS: usize = 8;
/// Of a batch, for each client.
const REQUESTS: usize = 250;
/// Between one document that is asked for and the next: a prime, so that they lie all over the table and none is asked for
/// twice before each was asked for once.
const STRIDE: u64 = 7919;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A document by its id.
    Get,
    /// Twenty by an index.
    List,
}

impl Kind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
        }
    }
}

/// Both kinds are asked for by the owner of a tenth of all rows, through the rule that says who may read.
pub struct Probe {
    kind: Kind,
    rows: u64,
    list: String,
    clients: Vec<Client>,
    /// That serve the table.
    processes: Vec<u32>,
    /// Gets so far.
    asked: u64,
    times: Vec<Duration>,
    /// Seconds.
    cpu: f64,
}

impl Probe {
    pub fn new(kind: Kind, rows: u64, table: &Table, processes: Vec<u32>) -> Self {
        let clients = (0..CLIENTS).map(|_| table.client(Who::Large)).collect();
        let list = OWN_NEWEST_FIRST.first_page(table);
        Self { kind, rows, list, clients, processes, asked: 0, times: Vec::new(), cpu: 0.0 }
    }

    /// Once, without counting: connections and statements are made. The documents of the rounds are others.
    pub async fn warm_up(&mut self) -> Result<(), String> {
        self.ask().await?;
        (self.times, self.cpu) = (Vec::new(), 0.0);
        Ok(())
    }

    /// A batch. Errors: any answer but success, or a page that is not full.
    pub async fn ask(&mut self) -> Result<(), String> {
        let before = usage::cpu(&self.processes)?;
        let mut batch = JoinSet::new();
        for mut client in std::mem::take(&mut self.clients) {
            let (kind, paths) = (self.kind, (0..REQUESTS).map(|_| self.path()).collect::<Vec<_>>());
            batch.spawn(async move {
                let mut times = Vec::new();
                for path in paths {
                    times.push(one(&mut client, kind, &path).await?);
                }
                Ok::<_, String>((client, times))
            });
        }
        for ended in batch.join_all().await {
            let (client, times) = ended?;
            self.clients.push(client);
            self.times.extend(times);
        }
        self.cpu += usage::cpu(&self.processes)? - before;
        Ok(())
    }

    fn path(&mut self) -> String {
        if self.kind == Kind::List {
            return self.list.clone();
        }
        loop {
            let n = self.asked * STRIDE % (self.rows / 10) * 10;
            self.asked += 1;
            if let Some(document) = store::document(n) {
                return format!("/api/v1/documents/{}", id::encode("doc", document));
            }
        }
    }

    pub fn line(self) -> Line {
        let requests = u32::try_from(self.times.len()).unwrap_or(u32::MAX);
        Line {
            kind: self.kind,
            rows: self.rows,
            latency: Summary::of(self.times),
            cpu: self.cpu / f64::from(requests) * 1e6,
        }
    }
}

/// How long it took.
async fn one(client: &mut Client, kind: Kind, path: &str) -> Result<Duration, String> {
    let answer = client.get(path).await.map_err(|failure| format!("GET {path}: {failure}"))?;
    let is_good = match kind {
        Kind::Get => answer.status == 200,
        Kind::List => answer.body["items"].as_array().is_some_and(|items| items.len() as u64 == PAGE),
    };
    if is_good { Ok(answer.took) } else { Err(format!("GET {path}: {} {}", answer.status, answer.body)) }
}
