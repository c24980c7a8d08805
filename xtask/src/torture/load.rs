//! The clients: each creates documents as fast as they are answered, and now and then reads back the one it got.
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::json;
use tokio::{task::JoinSet, time::sleep};

use super::ledger::Ledger;
use crate::live::{
    accounts::{self, PASSWORD, log_in},
    http::{Client, Failure},
};

/// Accounts the clients share.
const ACCOUNTS: usize = 20;
/// One document in so many is read back at once.
const READ_BACK: u64 = 8;
/// How long a client holds back after a refusal.
const PAUSE: Duration = Duration::from_millis(25);

/// Access tokens of accounts registered just now.
pub async fn register(port: u16, prefix: &str) -> Result<Vec<String>, String> {
    let mut client = Client::new(port);
    let mut tokens = Vec::new();
    for number in 0..ACCOUNTS {
        let registered = accounts::register(&mut client, &format!("{prefix}{number}@example.com")).await?;
        tokens.push(registered.token);
    }
    Ok(tokens)
}

/// Logs in `count` times with `clients` at once, as the first account of `prefix`.
pub async fn log_in_often(port: u16, prefix: &str, count: usize, clients: usize) -> Result<(), String> {
    let mut tasks = JoinSet::new();
    for number in 0..clients {
        let email = format!("{prefix}{}@example.com", number % ACCOUNTS);
        let share = count / clients + usize::from(number < count % clients);
        tasks.spawn(async move {
            let mut client = Client::new(port);
            for _ in 0..share {
                log_in(&mut client, &email, PASSWORD).await?;
            }
            Ok::<(), String>(())
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.map_err(|error| error.to_string())??;
    }
    Ok(())
}

/// Clients at work.
pub struct Load {
    is_ending: Arc<AtomicBool>,
    tasks: JoinSet<()>,
}

impl Load {
    /// `most`: how many titles are used up until they end by themselves.
    pub fn start(clients: Vec<Client>, ledger: &Arc<Ledger>, most: Option<u64>) -> Self {
        let is_ending = Arc::new(AtomicBool::new(false));
        let mut tasks = JoinSet::new();
        for client in clients {
            tasks.spawn(work(client, Arc::clone(ledger), Arc::clone(&is_ending), most.unwrap_or(u64::MAX)));
        }
        Self { is_ending, tasks }
    }

    /// Lets every client finish what it is at.
    pub async fn stop(self) {
        self.is_ending.store(true, Ordering::Relaxed);
        self.finish().await;
    }

    /// Waits until the clients have created what they should.
    pub async fn finish(mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}

async fn work(mut client: Client, ledger: Arc<Ledger>, is_ending: Arc<AtomicBool>, most: u64) {
    let mut created = 0;
    while !is_ending.load(Ordering::Relaxed) && ledger.titles() < most {
        let (title, sent_at) = (ledger.title(), Instant::now());
        let outcome = client.post("/api/v1/documents", &json!({"title": title})).await;
        let is_unreachable = matches!(outcome, Err(Failure::Unreachable));
        let Some(document) = ledger.enter_creation(title, sent_at, &outcome) else {
            // While it restarts there is nobody to ask, and a refusal asks for patience.
            sleep(if is_unreachable { PAUSE / 2 } else { PAUSE }).await;
            continue;
        };
        created += 1;
        if created % READ_BACK == 0 && most == u64::MAX {
            let outcome = client.get(&format!("/api/v1/documents/{}", document.id)).await;
            ledger.enter_reading(&document, &outcome);
        }
    }
}
