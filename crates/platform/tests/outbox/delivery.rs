//! From the transaction to the other side, and what happens when that one does not take it.
use std::{sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use kernel::{Code, Error, Secret};
use platform::outbox::{self, Deliver, Failure, Message, Outbox};

use crate::support::{Behaviour, Peer, add, add_until, keyring, on_both, outbox};

#[tokio::test]
async fn a_message_lives_and_dies_with_its_transaction() {
    on_both(async |db| {
        let (ctx, peer) = (db.ctx(), Peer::new("mail"));
        let outbox = outbox(&peer);
        let lost = outbox.clone();
        let failed = ctx.write(move |ctx, tx| {
            async move {
                let payload = Secret::new(b"lost".to_vec());
                lost.add(tx, &ctx, Message { kind: "mail", payload, expires_at: None }).await?;
                Err::<(), _>(Error::new(Code::NotFound))
            }
            .boxed()
        });
        assert!(failed.await.is_err());
        add(&outbox, &ctx, "mail", "kept").await;
        assert_eq!(outbox.deliver_now(&ctx).await.unwrap(), 1);
        assert_eq!(peer.texts(), ["kept"]);
        // Delivered is delivered.
        assert_eq!(outbox.deliver_now(&ctx).await.unwrap(), 0);
        let standing = &outbox.standing(&ctx).await.unwrap()[0];
        assert_eq!((standing.waiting, standing.dead, &standing.failure), (0, 0, &None));
        assert!(add_until(&outbox, &ctx, "pigeon", "x", None).await.is_err());
    })
    .await;
}

#[tokio::test]
async fn what_fails_is_tried_again_later_and_later() {
    on_both(async |db| {
        let (ctx, peer) = (db.ctx(), Peer::new("mail"));
        let outbox = outbox(&peer);
        let id = add(&outbox, &ctx, "mail", "hello").await;
        peer.does(Behaviour::Fails(Failure::retry("the mail server is down")));
        assert_eq!(outbox.deliver_now(&ctx).await.unwrap(), 0);
        assert!(outbox.is_failing());
        let standing = &outbox.standing(&ctx).await.unwrap()[0];
        assert_eq!((standing.waiting, standing.failing, standing.dead), (1, 1, 0));
        assert_eq!(standing.failure.as_deref(), Some("the mail server is down"));
        assert_eq!(standing.oldest, Some(ctx.now()));
        // Not before its time.
        peer.does(Behaviour::Takes);
        assert_eq!(outbox.deliver_now(&ctx).await.unwrap(), 0);
        db.clock.advance(Duration::from_secs(5));
        assert_eq!(outbox.deliver_now(&ctx).await.unwrap(), 1);
        assert!(!outbox.is_failing());
        assert_eq!(*peer.arrived.lock().unwrap(), [(id, "hello".to_owned(), 2)]);
    })
    .await;
}

#[tokio::test]
async fn what_the_other_side_asks_for_is_honoured() {
    on_both(async |db| {
        let (ctx, peer) = (db.ctx(), Peer::new("mail"));
        let outbox = outbox(&peer);
        add(&outbox, &ctx, "mail", "hello").await;
        let after = Some(Duration::from_mins(10));
        peer.does(Behaviour::Fails(Failure::Retry { reason: "busy".into(), after }));
        outbox.deliver_now(&ctx).await.unwrap();
        peer.does(Behaviour::Takes);
        db.clock.advance(Duration::from_secs(599));
        assert_eq!(outbox.deliver_now(&ctx).await.unwrap(), 0);
        db.clock.advance(Duration::from_secs(1));
        assert_eq!(outbox.deliver_now(&ctx).await.unwrap(), 1);
    })
    .await;
}

#[tokio::test]
async fn what_never_works_is_given_up_and_leaves_nothing_personal() {
    on_both(async |db| {
        let (ctx, peer) = (db.ctx(), Peer::new("mail"));
        let outbox = outbox(&peer);
        add(&outbox, &ctx, "mail", "refused").await;
        peer.does(Behaviour::Fails(Failure::permanent("no such mailbox")));
        outbox.deliver_now(&ctx).await.unwrap();
        // One refusal says nothing of the others.
        assert!(!outbox.is_failing());
        add(&outbox, &ctx, "mail", "in vain").await;
        peer.does(Behaviour::Fails(Failure::retry("down")));
        for _ in 0..40 {
            outbox.deliver_now(&ctx).await.unwrap();
            db.clock.advance(Duration::from_hours(1));
        }
        peer.does(Behaviour::Takes);
        assert_eq!(outbox.deliver_now(&ctx).await.unwrap(), 0);
        let standing = &outbox.standing(&ctx).await.unwrap()[0];
        assert_eq!((standing.waiting, standing.dead), (0, 2));
        assert_eq!(payloads(&ctx).await, [Vec::<u8>::new(), Vec::new()]);
        assert_eq!(outbox::purge(&ctx).await.unwrap(), 0);
        db.clock.advance(Duration::from_hours(31 * 24));
        assert_eq!(outbox::purge(&ctx).await.unwrap(), 2);
    })
    .await;
}

#[tokio::test]
async fn of_several_failures_that_of_a_message_that_waits_is_told_and_then_that_of_the_last_dead() {
    on_both(async |db| {
        let (ctx, peer) = (db.ctx(), Peer::new("mail"));
        let outbox = outbox(&peer);
        let failures = [Failure::retry("down"), Failure::permanent("first"), Failure::permanent("second")];
        for (nth, failure) in failures.into_iter().enumerate() {
            add(&outbox, &ctx, "mail", &nth.to_string()).await;
            peer.does(Behaviour::Fails(failure));
            outbox.deliver_now(&ctx).await.unwrap();
            db.clock.advance(Duration::from_secs(1));
            let standing = &outbox.standing(&ctx).await.unwrap()[0];
            assert_eq!(standing.failure.as_deref(), Some("down"));
        }
        peer.does(Behaviour::Takes);
        db.clock.advance(Duration::from_secs(5));
        outbox.deliver_now(&ctx).await.unwrap();
        assert_eq!(outbox.standing(&ctx).await.unwrap()[0].failure.as_deref(), Some("second"));
    })
    .await;
}

#[tokio::test]
async fn what_expired_is_not_delivered() {
    on_both(async |db| {
        let (ctx, peer) = (db.ctx(), Peer::new("mail"));
        let outbox = outbox(&peer);
        let end = ctx.now().plus(Duration::from_mins(10));
        add_until(&outbox, &ctx, "mail", "in time", Some(end)).await.unwrap();
        outbox.deliver_now(&ctx).await.unwrap();
        add_until(&outbox, &ctx, "mail", "too late", Some(end)).await.unwrap();
        db.clock.advance(Duration::from_mins(10));
        outbox.deliver_now(&ctx).await.unwrap();
        assert_eq!(peer.texts(), ["in time"]);
        assert_eq!(outbox.standing(&ctx).await.unwrap()[0].dead, 1);
    })
    .await;
}

#[tokio::test]
async fn payloads_lie_sealed_and_follow_a_new_master_key() {
    on_both(async |db| {
        let (ctx, peer) = (db.ctx(), Peer::new("mail"));
        let lead =
            |current, previous| Outbox::new(&keyring(current, previous), vec![Arc::clone(&peer) as Arc<dyn Deliver>]);
        for number in 0..3 {
            add(&lead(1, None), &ctx, "mail", &format!("to ann@example.com {number}")).await;
        }
        let before = payloads(&ctx).await;
        assert!(before.iter().all(|sealed| !sealed.windows(3).any(|part| part == b"ann")));
        outbox::rewrap(&ctx, &keyring(2, Some(1))).await.unwrap();
        assert!(payloads(&ctx).await.iter().all(|sealed| !before.contains(sealed)));
        // The old key is not needed any more.
        assert_eq!(lead(2, None).deliver_now(&ctx).await.unwrap(), 3);
        // A key that is not here is no reason to give a message up.
        add(&lead(1, None), &ctx, "mail", "sealed under another").await;
        lead(2, None).deliver_now(&ctx).await.unwrap();
        db.clock.advance(Duration::from_secs(5));
        assert_eq!(lead(1, None).deliver_now(&ctx).await.unwrap(), 1);
    })
    .await;
}

async fn payloads(ctx: &store::Ctx) -> Vec<Vec<u8>> {
    let sql = "SELECT payload FROM outbox";
    let rows = ctx.read(move |_, tx| async move { tx.query(sql, &[]).await }.boxed()).await.unwrap();
    rows.iter().map(|row| row.get(0).unwrap()).collect()
}
