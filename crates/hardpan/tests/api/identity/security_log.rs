//! The security log tells what was committed, and nothing else.
use std::time::Duration;

use serde_json::json;

use crate::{
    passkeys::{LOGIN_FINISH, answer, assert_refused, holder, try_login},
    support::{PASSWORD, SecurityLog, TestApp, on_both},
};

pub async fn rename(app: &TestApp, sql: &'static str) {
    let ctx = app.db.ctx();
    ctx.alter(move |_, tx| Box::pin(async move { tx.batch(sql).await })).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_in_that_is_undone_is_no_line() {
    on_both(async |app| {
        let address = "198.51.100.61";
        let mut log = SecurityLog::of("address", address);
        app.register("ann@example.com").await;
        let body = json!({"email": "ann@example.com", "password": PASSWORD});
        let log_in = app.post("/auth/v1/login", &body).peer(address);
        // The mail that tells of it cannot be counted, which is found out last.
        rename(&app, "ALTER TABLE sendings RENAME TO gone").await;
        log_in.clone().may_fail().send().await.expect(500);
        assert!(log.news().is_empty());
        rename(&app, "ALTER TABLE gone RENAME TO sendings").await;
        log_in.send().await.expect(200);
        assert_eq!(log.news(), ["new_device"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspension_that_is_undone_is_no_line() {
    on_both(async |app| {
        // Ids are those of the clock: no other test has this one.
        app.advance(Duration::from_secs(7_001));
        let (_, mut key, passkey) = holder(&app, "ann@example.com").await;
        let mut log = SecurityLog::of("passkey", passkey["id"].as_str().unwrap());
        try_login(&app, &mut key).await.expect(200);
        key.counter -= 2;
        let body = answer(&app, &mut key).await;
        let log_in = app.post(LOGIN_FINISH, &body);
        rename(&app, "ALTER TABLE audit_log RENAME TO gone").await;
        log_in.clone().may_fail().send().await.expect(500);
        assert!(log.news().is_empty());
        rename(&app, "ALTER TABLE gone RENAME TO audit_log").await;
        assert_refused(&log_in.send().await);
        assert_eq!(log.news(), ["passkey_cloned"]);
    })
    .await;
}
