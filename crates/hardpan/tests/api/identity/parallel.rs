//! Many at once: one address is registered once, one refresh token has one successor.
use std::{collections::BTreeSet, time::Duration};

use serde_json::json;
use tokio::time::timeout;

use crate::support::{Answer, Audit, PASSWORD, PATIENCE, Pause, TestApp, all, on_both};

const MANY: usize = 50;

fn count(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_registrations_of_one_address_one_is_made() {
    on_both(async |app| {
        let mut audit = Audit::of(&app.db).await;
        // In every spelling.
        let email = |nth: usize| if nth.is_multiple_of(2) { "ann@example.com" } else { "ANN@Example.com" };
        let register = |nth| app.post("/auth/v1/register", &json!({"email": email(nth), "password": PASSWORD}));
        let answers = all((0..MANY).map(register).collect()).await;
        assert_eq!((count(&answers, 201), count(&answers, 409)), (1, MANY - 1));
        for answer in answers.iter().filter(|answer| answer.status == 409) {
            assert_eq!(answer.code(), "email_taken");
        }
        assert_eq!(audit.actions().await, ["account.created", "session.created"]);
        let granted = answers.iter().find(|answer| answer.status == 201).unwrap().json();
        assert!(app.is_in(granted["access_token"].as_str().unwrap()).await);
    })
    .await;
}

/// GHSA-392p-2q2v-4372 of better-auth.
#[tokio::test(flavor = "multi_thread")]
async fn fifty_refreshes_of_one_token_have_one_successor() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let refresh = |token: &str| app.post("/auth/v1/refresh", &json!({"refresh_token": token}));
        let answers = all((0..MANY).map(|_| refresh(&ann.refresh)).collect()).await;
        assert_eq!(count(&answers, 200), MANY);
        let text = |answer: &Answer, member: &str| answer.json()[member].as_str().unwrap().to_owned();
        let successors: BTreeSet<String> = answers.iter().map(|answer| text(answer, "refresh_token")).collect();
        assert_eq!(successors.len(), 1, "the session forked");
        for answer in &answers {
            assert!(app.is_in(&text(answer, "access_token")).await);
        }
        let successor = successors.first().unwrap();
        app.advance(Duration::from_secs(11));
        let second = refresh(successor).send().await.expect(200);
        refresh(&text(&second, "refresh_token")).send().await.expect(200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_presented_among_fifty_ends_the_session_for_all() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let refresh = |token: &str| app.post("/auth/v1/refresh", &json!({"refresh_token": token}));
        let next = refresh(&ann.refresh).send().await.expect(200).json()["refresh_token"].as_str().unwrap().to_owned();
        app.advance(Duration::from_secs(11));
        let requests = (0..MANY).map(|nth| refresh(if nth % 5 == 0 { &ann.refresh } else { &next })).collect();
        let answers = all(requests).await;
        assert_eq!(count(&answers, 200) + count(&answers, 401), MANY);
        assert!(answers.iter().any(|answer| answer.code() == "refresh_reused"));
        assert!(!app.is_in(&ann.token).await);
        for answer in answers.iter().filter(|answer| answer.status == 200) {
            assert!(!app.is_in(answer.json()["access_token"].as_str().unwrap()).await);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn however_many_copies_are_presented_a_session_ends_once() {
    on_both(async |app| {
        // Whether they meet is chance, so they get several.
        for round in 0..4 {
            let ann = app.register(&format!("ann{round}@example.com")).await;
            let refresh = || app.post("/auth/v1/refresh", &json!({"refresh_token": ann.refresh}));
            refresh().send().await.expect(200);
            app.advance(Duration::from_secs(11));
            let mut audit = Audit::of(&app.db).await;
            let answers = all((0..MANY).map(|_| refresh()).collect()).await;
            assert_eq!(count(&answers, 401), MANY);
            assert_eq!(audit.actions().await, ["session.revoked"]);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_deleted_among_log_ins_leaves_no_session() {
    on_both(async |app| {
        for round in 0..3 {
            let email = format!("ann{round}@example.com");
            let ann = app.register(&email).await;
            let log_in = || app.post("/auth/v1/login", &json!({"email": email, "password": PASSWORD}));
            let mut requests: Vec<_> = (0..6).map(|_| log_in()).collect();
            requests.insert(3, app.delete("/auth/v1/me").bearer(&ann.token));
            let answers = all(requests).await;
            assert_eq!(count(&answers, 204), 1);
            for answer in answers.iter().filter(|answer| answer.status == 200) {
                assert!(
                    !app.is_in(answer.json()["access_token"].as_str().unwrap()).await,
                    "a session outlived its account"
                );
            }
        }
    })
    .await;
}

/// Rows of what is removed when it is over.
async fn left(app: &TestApp) -> Vec<i64> {
    let ctx = app.db.ctx();
    ctx.read(|_, tx| {
        Box::pin(async move {
            let mut left = Vec::new();
            for sql in [
                "SELECT COUNT(*) FROM single_use",
                "SELECT COUNT(*) FROM devices",
                "SELECT COUNT(*) FROM sessions",
                "SELECT COUNT(*) FROM sendings",
            ] {
                left.push(tx.query_one(sql, &[]).await?.get(0)?);
            }
            Ok(left)
        })
    })
    .await
    .unwrap()
}

/// A purge holds many rows in an order of its own: were it to wait for one, whoever resets a password and waits for another would be
/// given up for a deadlock.
#[tokio::test(flavor = "multi_thread")]
async fn a_purge_waits_for_nobody_who_changes_an_account() {
    on_both(async |app| {
        let [ann, bob] = [app.register("ann@example.com").await, app.register("bob@example.com").await];
        for person in [&ann, &bob] {
            app.forgot(&person.email).send().await.expect(202);
        }
        app.advance(Duration::from_hours(401 * 24));
        let (pause, mut paused) = Pause::of(&app.db);
        let ctx = app.db.ctx();
        let reset = tokio::spawn(async move {
            ctx.write(move |_, tx| {
                Box::pin(async move {
                    for sql in [
                        "UPDATE single_use SET payload = payload WHERE user_id = $1",
                        "UPDATE devices SET trusted_until = NULL WHERE user_id = $1",
                        "UPDATE sessions SET address = address WHERE user_id = $1",
                    ] {
                        let changed = tx.execute(sql, &[kernel::UserId::parse(&ann.id).unwrap().into()]).await?;
                        assert!(changed > 0, "{sql}");
                    }
                    pause.here().await;
                    Ok(())
                })
            })
            .await
        });
        paused.is_reached().await;
        let purged = timeout(PATIENCE, app.server.identity.purge(&app.db.ctx())).await;
        let rows = if paused.is_held { vec![2, 1, 1, 0] } else { vec![0; 4] };
        assert_eq!((purged.is_ok(), left(&app).await), (true, rows), "{purged:?}");
        paused.release();
        reset.await.unwrap().unwrap();
        app.server.identity.purge(&app.db.ctx()).await.unwrap();
        assert_eq!(left(&app).await, [0; 4]);
    })
    .await;
}
