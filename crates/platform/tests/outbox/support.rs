//! Another side that does as it is told, and a database with an outbox.
use std::sync::{Arc, Mutex};

use futures_util::{FutureExt as _, future::BoxFuture};
use kernel::{Result, Secret, Timestamp};
use platform::{
    outbox::{Deliver, Failure, Message, Outbox, OutboxId, Parcel},
    secrets::Keyring,
};
use store::{Ctx, migrate};
use testkit::{Engine, TestDb};
use tokio::sync::Notify;

/// What the other side does with the next message.
#[derive(Clone, Debug)]
pub enum Behaviour {
    Takes,
    Fails(Failure),
    /// Takes it, and then the process that sent it is gone before it can write that down.
    TakesAndHangs,
    /// The code that sends it has a fault.
    Panics,
}

/// Another side.
pub struct Peer {
    kind: &'static str,
    pub behaviour: Mutex<Behaviour>,
    /// What arrived: id, text, number of the attempt.
    pub arrived: Mutex<Vec<(OutboxId, String, i64)>>,
    /// Hears of each arrival.
    pub bell: Notify,
}

impl Peer {
    pub fn new(kind: &'static str) -> Arc<Self> {
        Arc::new(Self { kind, behaviour: Behaviour::Takes.into(), arrived: Mutex::default(), bell: Notify::default() })
    }

    pub fn does(&self, behaviour: Behaviour) {
        *self.behaviour.lock().unwrap() = behaviour;
    }

    pub fn texts(&self) -> Vec<String> {
        let mut texts: Vec<_> = self.arrived.lock().unwrap().iter().map(|(_, text, _)| text.clone()).collect();
        texts.sort();
        texts
    }
}

impl Deliver for Peer {
    fn kind(&self) -> &'static str {
        self.kind
    }

    fn deliver<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Result<(), Failure>> {
        async move {
            let behaviour = self.behaviour.lock().unwrap().clone();
            if let Behaviour::Fails(failure) = behaviour {
                return Err(failure);
            }
            assert!(!matches!(behaviour, Behaviour::Panics), "as it was told");
            let text = String::from_utf8(parcel.payload.expose().clone()).unwrap();
            self.arrived.lock().unwrap().push((parcel.id, text, parcel.attempt));
            self.bell.notify_one();
            if matches!(behaviour, Behaviour::TakesAndHangs) {
                std::future::pending::<()>().await;
            }
            Ok(())
        }
        .boxed()
    }
}

pub fn keyring(current: u8, previous: Option<u8>) -> Keyring {
    let key = |byte| Secret::new(vec![byte; 32]);
    Keyring::new(key(current), previous.map(key)).unwrap()
}

/// An outbox that leads to one peer.
pub fn outbox(peer: &Arc<Peer>) -> Outbox {
    Outbox::new(&keyring(1, None), vec![Arc::clone(peer) as Arc<dyn Deliver>])
}

/// Runs `test` on each engine.
pub async fn on_both(test: impl AsyncFn(TestDb)) {
    for engine in Engine::BOTH {
        eprintln!("{engine:?}");
        test(database(engine).await).await;
    }
}

pub async fn database(engine: Engine) -> TestDb {
    let migrated = async |ctx: &Ctx| {
        let all = [store::migrations(), platform::migrations()].concat();
        migrate::apply(ctx, &all).await.unwrap();
    };
    TestDb::from_template(engine, "platform", migrated).await
}

/// Writes a message in a transaction of its own.
pub async fn add(outbox: &Outbox, ctx: &Ctx, kind: &'static str, text: &str) -> OutboxId {
    add_until(outbox, ctx, kind, text, None).await.unwrap()
}

pub async fn add_until(
    outbox: &Outbox,
    ctx: &Ctx,
    kind: &'static str,
    text: &str,
    expires_at: Option<Timestamp>,
) -> Result<OutboxId> {
    let (outbox, payload) = (outbox.clone(), Secret::new(text.as_bytes().to_vec()));
    let message = Message { kind, payload, expires_at };
    ctx.write(move |ctx, tx| async move { outbox.add(tx, &ctx, message).await }.boxed()).await
}
