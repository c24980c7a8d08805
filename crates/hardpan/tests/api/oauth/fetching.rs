//! Codes of log-ins, fetched by many at once and beside changes of the account: one is let in at most, and nobody waits for ever.
use kernel::UserId;
use platform::single_use::Purpose;
use tokio::time::timeout;

use super::providers::{BEARER, claims, fetch, location, log_in, on_both_providers, tokens};
use crate::support::{Answer, PATIENCE, Pause, TestApp, all, person};

const MANY: usize = 20;

/// Whose fetch was answered, by token; every other is refused.
fn let_in(answers: &[Answer]) -> Vec<String> {
    let (fetched, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    for answer in refused {
        assert_eq!(answer.outcome(), (401, "invalid_token".to_owned()), "{}", answer.text());
    }
    fetched.iter().map(|answer| person(&answer.json()).token).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_fetches_at_once_one_is_answered() {
    on_both_providers(async |app| {
        let target = location(&log_in(&app, BEARER, &claims("ann", "ann@example.com", true)).await);
        let answers = timeout(PATIENCE, all(vec![fetch(&app, &target); MANY])).await.expect("it hangs");
        let tokens = let_in(&answers);
        assert_eq!(tokens.len(), 1);
        assert!(app.is_in(&tokens[0]).await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_in_whose_account_is_deleted_meanwhile() {
    on_both_providers(async |app| {
        for turn in 0..5 {
            let who = claims(&format!("ann{turn}"), &format!("ann{turn}@example.com"), true);
            let ann = person(&tokens(&app, &who).await);
            let target = location(&log_in(&app, BEARER, &who).await);
            let mut requests = vec![fetch(&app, &target); 4];
            requests.insert(turn, app.delete("/auth/v1/me").bearer(&ann.token));
            let mut answers = timeout(PATIENCE, all(requests)).await.expect("it hangs");
            answers.remove(turn).expect(204);
            let tokens = let_in(&answers);
            assert!(tokens.len() <= 1);
            for token in tokens {
                assert!(!app.is_in(&token).await, "a session outlived its account");
            }
            fetch(&app, &target).send().await.expect_problem(401, "invalid_token");
        }
    })
    .await;
}

/// Returns once somebody waits for a lock that another transaction holds.
async fn somebody_waits(app: &TestApp) {
    let count = "SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted \
                 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    let waiting = async || {
        let ctx = app.db.ctx();
        let read = ctx.read(move |_, tx| Box::pin(async move { tx.query_one(count, &[]).await?.get::<i64>(0) }));
        read.await.unwrap()
    };
    while waiting().await == 0 {
        tokio::task::yield_now().await;
    }
}

/// A reset and its like hold the account, and then end what was issued for it. Were a fetch to hold the code first and then want the
/// account, the two would wait for each other, and one of them would be given up.
#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_takes_the_account_before_the_code() {
    on_both_providers(async |app| {
        let who = claims("ann", "ann@example.com", true);
        let ann = person(&tokens(&app, &who).await);
        let target = location(&log_in(&app, BEARER, &who).await);
        let (pause, mut paused) = Pause::of(&app.db);
        let ctx = app.db.ctx();
        let reset = tokio::spawn(async move {
            ctx.write(move |_, tx| {
                Box::pin(async move {
                    tx.lock(&format!("account:{}", ann.id)).await?;
                    pause.here().await;
                    let user_id = UserId::parse(&ann.id).unwrap();
                    let sql = "DELETE FROM single_use WHERE user_id = $1 AND purpose = $2";
                    tx.execute(sql, &[user_id.into(), Purpose::OAUTH_CODE.name.into()]).await
                })
            })
            .await
        });
        paused.is_reached().await;
        let fetched = tokio::spawn(fetch(&app, &target).send());
        if paused.is_held {
            timeout(PATIENCE, somebody_waits(&app)).await.expect("the fetch does not wait for the account");
            paused.release();
        }
        let ended = timeout(PATIENCE, reset).await.expect("it hangs").unwrap();
        assert!(ended.expect("given up for a deadlock") > 0);
        let answer = timeout(PATIENCE, fetched).await.expect("it hangs").unwrap();
        answer.expect_problem(401, "invalid_token");
    })
    .await;
}
