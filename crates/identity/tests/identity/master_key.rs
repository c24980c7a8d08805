//! The master key belongs to its database, and changing it loses nothing.
use std::{collections::BTreeSet, sync::Arc};

use identity::Identity;
use kernel::{Secret, SeededRandom};
use platform::secrets::{Keyring, Master, adopt_master, check_master};
use store::{Db, RequestInfo, Source};
use testkit::Engine;
use tokio::sync::Barrier;
use web::{Authenticate as _, Credentials};

use crate::support::{App, database, get, keyring, messenger, refresh, settings};

fn ring(byte: u8, previous: Option<u8>) -> Keyring {
    let key = |byte| Secret::new(vec![byte; 32]);
    Keyring::new(key(byte), previous.map(key)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_with_another_key_is_refused() {
    for engine in Engine::BOTH {
        let db = database(engine).await;
        let ctx = db.ctx();
        assert_eq!(check_master(&ctx, &ring(1, None)).await.unwrap(), Master::Current);
        assert_eq!(check_master(&ctx, &ring(1, Some(9))).await.unwrap(), Master::Current);
        let refused = check_master(&ctx, &ring(2, None)).await.unwrap_err();
        assert!(refused.detail().contains("HARDPAN_MASTER_KEY_PREVIOUS"), "{refused}");
        assert!(check_master(&ctx, &ring(2, Some(3))).await.is_err());
        assert_eq!(check_master(&ctx, &ring(2, Some(1))).await.unwrap(), Master::Previous);
        adopt_master(&ctx, &ring(2, Some(1))).await.unwrap();
        assert_eq!(check_master(&ctx, &ring(2, None)).await.unwrap(), Master::Current);
        assert!(check_master(&ctx, &ring(1, None)).await.is_err());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_the_key_keeps_tokens_good() {
    for engine in Engine::BOTH {
        let app = App::start(engine).await;
        let granted = app.register("ann@example.com").await;
        let source = &app.db.source;
        assert!(Identity::start(source, &ring(8, None), settings(), Vec::new(), messenger()).await.is_err());
        let changed = Identity::start(source, &ring(8, Some(7)), settings(), Vec::new(), messenger()).await.unwrap();
        let access = granted.text("access_token");
        let actor = changed.authenticate(source, Credentials::Bearer(&access), &RequestInfo::default()).await.unwrap();
        assert_eq!(actor.user_id().map(|id| id.to_string()), Some(granted.user_id()));
        let edge = web::Settings::new("https://notes.example");
        let web = web::service(changed.routes(), edge, source.clone(), Arc::new(changed.clone())).unwrap();
        assert_eq!(refresh(&granted.text("refresh_token")).send(&web).await.status, 200);
        // Sealed anew by that start, the signing key needs the previous master key no more.
        let alone = Identity::start(source, &ring(8, None), settings(), Vec::new(), messenger()).await.unwrap();
        assert!(alone.authenticate(source, Credentials::Bearer(&access), &RequestInfo::default()).await.is_ok());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_start_at_once_share_one_signing_key() {
    for engine in Engine::BOTH {
        let db = database(engine).await;
        let all_open = Arc::new(Barrier::new(8));
        let starts: Vec<_> = (0..8)
            .map(|seed| {
                let options = db.options();
                let clock = db.source.clock.clone();
                let all_open = all_open.clone();
                tokio::spawn(async move {
                    let random = Arc::new(SeededRandom::new(seed));
                    let source = Source { db: Db::open(options).await.unwrap(), clock, random };
                    source.db.ping().await.unwrap();
                    all_open.wait().await;
                    Identity::start(&source, &keyring(), settings(), Vec::new(), messenger()).await.map(|_| ())
                })
            })
            .collect();
        for start in starts {
            start.await.unwrap().unwrap();
        }
        let sql = "SELECT COUNT(*) FROM signing_keys";
        let ctx = db.ctx();
        let count = ctx.read(move |_, tx| Box::pin(async move { tx.query_one(sql, &[]).await?.get::<i64>(0) }));
        assert_eq!(count.await.unwrap(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_jwk_set_shows_public_halves_alone() {
    for engine in Engine::BOTH {
        let app = App::start(engine).await;
        let answer = app.ask(get("/.well-known/jwks.json")).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.headers["cache-control"]),
            (200, &"public, max-age=300".parse().unwrap())
        );
        let keys = answer.json["keys"].as_array().unwrap();
        let members: BTreeSet<_> = keys[0].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(members, BTreeSet::from(["alg", "crv", "kid", "kty", "use", "x"]));
        assert_eq!(keys.len(), 1);
    }
}
