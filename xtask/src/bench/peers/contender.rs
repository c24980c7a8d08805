//! Something that serves notes, as the load sees it.
use std::{path::Path, time::Duration};

use tokio::{process::Child, time::timeout};

use super::{
    rows::{BODY, OWNERS, TITLE},
    workload::{Kind, Workload},
};
use crate::{
    bench::offered::{LogIn, Read},
    folder::Folder,
    live::program::{Program, signal},
    postgres::Server,
};

/// For a peer to end by itself.
const PATIENCE: Duration = Duration::from_secs(10);
/// Requests a run chooses from.
const REQUESTS: usize = 4000;

/// A person who owns rows.
#[derive(Clone, Debug, Default)]
pub struct Owner {
    pub id: String,
    pub token: String,
}

/// Where a contender has what.
pub struct Paths {
    /// To list and create.
    pub all: &'static str,
    /// Behind it, for twenty.
    pub twenty: &'static str,
    /// What a row is called.
    pub id: fn(usize) -> String,
    /// Whether a new row says whose it is.
    pub names_owner: bool,
}

/// It serves until it is dropped.
pub struct Contender {
    pub name: &'static str,
    pub port: u16,
    /// The processes that serve; their children count, too.
    pub processes: Vec<u32>,
    pub owners: Vec<Owner>,
    pub paths: Paths,
    /// Where it has such a thing.
    pub log_in: Option<LogIn>,
    pub running: Running,
}

/// What serves, and the folders it needs.
pub enum Running {
    Hardpan(Box<Program>, Option<Box<Server>>),
    Peer(Box<Child>, Option<Folder>),
}

impl Contender {
    pub async fn stop(self) {
        match self.running {
            Running::Hardpan(mut program, postgres) => {
                let _ = program.stop().await;
                if let Some(mut postgres) = postgres {
                    postgres.stop().await;
                }
            }
            Running::Peer(mut child, folder) => {
                // Asked first: whoever is killed leaves the workers it started.
                if let Some(pid) = child.id() {
                    let _ = signal("TERM", pid).await;
                }
                if timeout(PATIENCE, child.wait()).await.is_err() {
                    let _ = child.kill().await;
                }
                drop(folder);
            }
        }
    }

    /// Writes what to ask for, a line a request; other rows for each `seed`.
    pub fn write_requests(&self, path: &Path, workload: Workload, rows: usize, seed: usize) -> Result<(), String> {
        let lines: String =
            (0..REQUESTS).map(|number| self.line(workload.kind, rows, seed * REQUESTS + number)).collect();
        std::fs::write(path, lines).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Rows from everywhere, each as its owner gets it.
    pub fn reads(&self, rows: usize) -> Vec<Read> {
        let read = |number| {
            let row = number * 7919 % rows;
            let path = format!("{}/{}", self.paths.all, (self.paths.id)(row));
            Read { path, token: self.owners[row % OWNERS].token.clone() }
        };
        (0..REQUESTS).map(read).collect()
    }

    fn line(&self, kind: Kind, rows: usize, number: usize) -> String {
        let Paths { all, twenty, id, names_owner } = &self.paths;
        // A prime, so that rows from everywhere are asked for.
        let row = number * 7919 % rows;
        let (one, token) = (format!("{all}/{}", id(row)), &self.owners[row % OWNERS].token);
        match kind {
            Kind::Get => format!("GET\t{one}\t{token}\t\n"),
            Kind::List => format!("GET\t{all}{twenty}\t{token}\t\n"),
            Kind::Patch => format!("PATCH\t{one}\t{token}\t{{\"title\":\"{TITLE}, changed {number}\"}}\n"),
            Kind::Create => {
                let owner = format!(",\"owner\":\"{}\"", self.owners[row % OWNERS].id);
                let owner = if *names_owner { owner.as_str() } else { "" };
                format!("POST\t{all}\t{token}\t{{\"title\":\"{TITLE}\",\"body\":\"{BODY}\"{owner}}}\n")
            }
            Kind::Mixed | Kind::Storm => self.line(
                [
                    Kind::Get,
                    Kind::Get,
                    Kind::Get,
                    Kind::Get,
                    Kind::Get,
                    Kind::Get,
                    Kind::Get,
                    Kind::List,
                    Kind::List,
                    Kind::Create,
                ][number % 10],
                rows,
                number,
            ),
        }
    }
}
