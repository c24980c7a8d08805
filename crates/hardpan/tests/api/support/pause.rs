//! A transaction that is held open in its middle while something else happens.
use std::time::Duration;

use testkit::{Engine, TestDb};
use tokio::{sync::oneshot, time::timeout};

/// What waits for longer waits for ever, also on a machine that is busy.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// The end inside the transaction.
pub struct Pause {
    reached: oneshot::Sender<()>,
    released: Option<oneshot::Receiver<()>>,
}

/// The end outside.
pub struct Paused {
    /// Not on SQLite, which has one writer: whoever is to run beside the transaction would wait for its end.
    pub is_held: bool,
    reached: oneshot::Receiver<()>,
    release: oneshot::Sender<()>,
}

impl Pause {
    pub fn of(db: &TestDb) -> (Self, Paused) {
        let is_held = db.engine == Engine::Postgres;
        let (told, reached) = oneshot::channel();
        let (release, released) = oneshot::channel();
        let pause = Self { reached: told, released: is_held.then_some(released) };
        (pause, Paused { is_held, reached, release })
    }

    /// Until it is released.
    pub async fn here(self) {
        self.reached.send(()).unwrap();
        if let Some(released) = self.released {
            released.await.unwrap();
        }
    }
}

impl Paused {
    pub async fn is_reached(&mut self) {
        timeout(PATIENCE, &mut self.reached).await.expect("it hangs").unwrap();
    }

    pub fn release(self) {
        let _ = self.release.send(());
    }
}
