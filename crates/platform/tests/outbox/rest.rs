//! The outbox at work: woken by commits, stopped without losing anything, one kind not held up by another.
use std::{sync::Arc, time::Duration};

use platform::outbox::{Deliver, Outbox};

use crate::support::{Behaviour, Peer, add, keyring, on_both};

#[tokio::test]
async fn one_kind_that_hangs_holds_up_no_other() {
    on_both(async |db| {
        let (ctx, mail, sms) = (db.ctx(), Peer::new("mail"), Peer::new("sms"));
        let peers: [Arc<dyn Deliver>; 2] = [mail.clone(), sms.clone()];
        let outbox = Outbox::new(&keyring(1, None), peers.to_vec());
        mail.does(Behaviour::TakesAndHangs);
        let at_work = outbox.start(&db.source);
        for number in 0..20 {
            add(&outbox, &ctx, "mail", &format!("mail {number}")).await;
        }
        add(&outbox, &ctx, "sms", "sms").await;
        sms.bell.notified().await;
        assert_eq!(sms.texts(), ["sms"]);
        at_work.stop(Duration::ZERO).await;
    })
    .await;
}

#[tokio::test]
async fn a_message_that_panics_ends_nothing_for_the_others() {
    on_both(async |db| {
        let (ctx, peer) = (db.ctx(), Peer::new("mail"));
        let outbox = Outbox::new(&keyring(1, None), vec![peer.clone()]);
        peer.does(Behaviour::Panics);
        add(&outbox, &ctx, "mail", "first").await;
        assert_eq!(outbox.deliver_now(&ctx).await.unwrap(), 0);
        let standing = &outbox.standing(&ctx).await.unwrap()[0];
        assert_eq!((standing.failing, standing.dead), (1, 0));
        assert_eq!(standing.failure.as_deref(), Some("the attempt panicked; the log says where"));
        peer.does(Behaviour::Takes);
        add(&outbox, &ctx, "mail", "second").await;
        db.clock.advance(Duration::from_secs(5));
        assert_eq!(outbox.deliver_now(&ctx).await.unwrap(), 2);
    })
    .await;
}

#[tokio::test]
async fn what_kills_whoever_tries_it_is_given_up_in_the_end() {
    on_both(async |db| {
        let (ctx, peer) = (db.ctx(), Peer::new("mail"));
        let outbox = Outbox::new(&keyring(1, None), vec![peer.clone()]);
        add(&outbox, &ctx, "mail", "poison").await;
        peer.does(Behaviour::TakesAndHangs);
        for _ in 0..30 {
            tokio::select! {
                _ = outbox.deliver_now(&ctx) => panic!("it hangs"),
                // Dropped where it hangs, as a killed process would be.
                () = peer.bell.notified() => {}
            }
            db.clock.advance(Duration::from_mins(2));
        }
        assert_eq!(outbox.deliver_now(&ctx).await.unwrap(), 0);
        assert_eq!(peer.arrived.lock().unwrap().len(), 30);
        assert_eq!(outbox.standing(&ctx).await.unwrap()[0].dead, 1);
    })
    .await;
}

#[tokio::test]
async fn a_stop_finishes_what_is_on_its_way_and_leaves_the_rest() {
    on_both(async |db| {
        let (ctx, peer) = (db.ctx(), Peer::new("mail"));
        let outbox = Outbox::new(&keyring(1, None), vec![peer.clone()]);
        let at_work = outbox.start(&db.source);
        add(&outbox, &ctx, "mail", "before").await;
        peer.bell.notified().await;
        at_work.stop(Duration::from_mins(1)).await;
        add(&outbox, &ctx, "mail", "after").await;
        assert_eq!(peer.texts(), ["before"]);
        // What was on its way is written down: another start does not send it again.
        assert_eq!(outbox.deliver_now(&ctx).await.unwrap(), 1);
        assert_eq!(peer.texts(), ["after", "before"]);
    })
    .await;
}
