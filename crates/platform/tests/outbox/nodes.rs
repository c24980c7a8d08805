//! Several nodes over one database, and nodes that die.
use std::{collections::BTreeSet, sync::Arc, time::Duration};

use kernel::SeededRandom;
use store::{Ctx, Db, Source};
use testkit::TestDb;

use crate::support::{Behaviour, Peer, add, on_both, outbox};

/// Another node over the same database.
async fn another_node(db: &TestDb, seed: u64) -> Ctx {
    let source = Source {
        db: Db::open(db.options()).await.unwrap(),
        clock: db.clock.clone(),
        random: Arc::new(SeededRandom::new(seed)),
    };
    source.system("test")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_nodes_deliver_each_message_once() {
    on_both(async |db| {
        let (ctx, peer) = (db.ctx(), Peer::new("mail"));
        let outbox = outbox(&peer);
        let texts: BTreeSet<_> = (0..120).map(|number| format!("message {number:03}")).collect();
        for text in &texts {
            add(&outbox, &ctx, "mail", text).await;
        }
        let mut nodes = Vec::new();
        for seed in 2..6 {
            let (ctx, outbox) = (another_node(&db, seed).await, outbox.clone());
            nodes.push(tokio::spawn(async move { outbox.deliver_now(&ctx).await.unwrap() }));
        }
        let mut delivered = 0;
        for node in nodes {
            delivered += node.await.unwrap();
        }
        assert_eq!(delivered, 120);
        assert_eq!(peer.texts(), texts.into_iter().collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test]
async fn a_node_killed_between_sending_and_writing_that_down_loses_nothing() {
    on_both(async |db| {
        let (ctx, peer) = (db.ctx(), Peer::new("mail"));
        let outbox = outbox(&peer);
        let id = add(&outbox, &ctx, "mail", "hello").await;
        peer.does(Behaviour::TakesAndHangs);
        tokio::select! {
            _ = outbox.deliver_now(&ctx) => panic!("it hangs"),
            // Dropped where it hangs, as a killed process would be.
            () = peer.bell.notified() => {}
        }
        peer.does(Behaviour::Takes);
        // Nobody knows yet that it is dead.
        let other = another_node(&db, 2).await;
        db.clock.advance(Duration::from_secs(119));
        assert_eq!(outbox.deliver_now(&other).await.unwrap(), 0);
        db.clock.advance(Duration::from_secs(1));
        assert_eq!(outbox.deliver_now(&other).await.unwrap(), 1);
        // Twice, and the id says that it is one.
        let both = [(id, "hello".to_owned(), 1), (id, "hello".to_owned(), 2)];
        assert_eq!(*peer.arrived.lock().unwrap(), both);
        assert_eq!(outbox.standing(&ctx).await.unwrap()[0].waiting, 0);
    })
    .await;
}
