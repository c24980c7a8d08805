//! What holds for every single-use thing there is: good once, for its purpose, for its subject, for its time.
use std::collections::BTreeSet;

use futures_util::FutureExt as _;
use kernel::{Secret, Uuid};
use platform::{
    secrets::Keyring,
    single_use::{Issue, PURPOSES, Purpose, SingleUse},
};
use store::Ctx;

use crate::support::on_both;

const RIGHT: &[u8] = b"right";

fn things() -> SingleUse {
    let keyring = Keyring::new(Secret::new(vec![7; 32]), None).unwrap();
    SingleUse::new(&keyring, keyring.mac_key("single_use").unwrap())
}

async fn issue(ctx: &Ctx, things: &SingleUse, purpose: Purpose, subject: u128) {
    let things = things.clone();
    let issued = ctx.write(move |ctx, tx| {
        async move {
            let issue = Issue { purpose, user_id: None, payload: b"payload" };
            things.issue_about(tx, &ctx, issue, Uuid::from_u128(subject), RIGHT).await
        }
        .boxed()
    });
    issued.await.unwrap();
}

async fn consume(ctx: &Ctx, things: &SingleUse, purpose: Purpose, subject: u128, secret: &'static [u8]) -> bool {
    let things = things.clone();
    let consumed = ctx.write(move |ctx, tx| {
        async move { things.consume(tx, &ctx, purpose, Uuid::from_u128(subject), secret).await }.boxed()
    });
    consumed.await.unwrap().is_some_and(|payload| payload.expose() == b"payload")
}

/// Parse Server GHSA-4hf6-3x24-c9m8, GHSA-2299-ghjr-6vjp, GHSA-w73w-g5xw-rwhf, GHSA-jpq4-7fmq-q5fj.
#[tokio::test(flavor = "multi_thread")]
async fn parse_server_ghsa_4hf6_of_fifty_parallel_uses_over_two_nodes_one_succeeds() {
    on_both(async |app| {
        let other = app.another_node().await;
        let nodes = [(app.db.ctx(), things()), (other.source.system("test"), things())];
        for purpose in PURPOSES {
            issue(&nodes[0].0, &nodes[0].1, purpose, 1).await;
            let uses: Vec<_> = (0..50)
                .map(|nth| {
                    let (ctx, things) = nodes[nth % 2].clone();
                    tokio::spawn(async move { consume(&ctx, &things, purpose, 1, RIGHT).await })
                })
                .collect();
            let mut successes = 0;
            for each in uses {
                successes += usize::from(each.await.unwrap());
            }
            assert_eq!(successes, 1, "{purpose:?}");
        }
        other.source.db.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_purpose_wrong_subject_wrong_secret_expired_and_replayed_are_refused() {
    on_both(async |app| {
        let things = things();
        let ctx = app.db.ctx();
        let names: BTreeSet<_> = PURPOSES.iter().map(|purpose| purpose.name).collect();
        assert_eq!(names.len(), PURPOSES.len(), "two purposes share a name");
        for purpose in PURPOSES {
            issue(&ctx, &things, purpose, 1).await;
            for other in PURPOSES.iter().filter(|other| other.name != purpose.name) {
                assert!(!consume(&ctx, &things, *other, 1, RIGHT).await, "{purpose:?} as {other:?}");
            }
            assert!(!consume(&ctx, &things, purpose, 2, RIGHT).await, "{purpose:?}");
            // Tries are counted, and the last one counts no more.
            for _ in 1..purpose.attempts {
                assert!(!consume(&ctx, &things, purpose, 1, b"wrong").await, "{purpose:?}");
            }
            assert!(consume(&ctx, &things, purpose, 1, RIGHT).await, "{purpose:?}");
            assert!(!consume(&ctx, &things, purpose, 1, RIGHT).await, "{purpose:?} again");
            issue(&ctx, &things, purpose, 1).await;
            for _ in 0..purpose.attempts {
                consume(&ctx, &things, purpose, 1, b"wrong").await;
            }
            assert!(!consume(&ctx, &things, purpose, 1, RIGHT).await, "{purpose:?} guessed too often");
            issue(&ctx, &things, purpose, 1).await;
            app.advance(purpose.ttl);
            assert!(!consume(&ctx, &things, purpose, 1, RIGHT).await, "{purpose:?} expired");
        }
    })
    .await;
}
