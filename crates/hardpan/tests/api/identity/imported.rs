//! Accounts of other programs: their hashes are made anew at log-in, and tell nothing to those who guess.
use serde_json::{Value as Json, json};

use crate::support::{Answer, Audit, PASSWORD, TestApp, all, on_both};

/// Of "pässwörd of the old app", by the bcrypt package of PyPI; see `tests/data/foreign_users`.
const DEAR: &str = "$2b$12$CoiS4SLQUexpJOxmSg4Vf.kvLEkA.j4kpJkWOmFx8I.W.OE3ll/5O";
const CHEAP: &str = "$2b$04$NnXgL0VPQPNktpaecMf2A.QuRvf7cDgD.s0JM.ryzQKwcyotxYuIG";
const OLD: &str = "pässwörd of the old app";

async fn import(app: &TestApp, row: Json) {
    let Json::Object(row) = row else { panic!("{row}") };
    let verdicts = app.server.identity.import_users(&app.db.ctx(), vec![row], None).await.unwrap();
    assert_eq!(verdicts, [identity::Imported::Created]);
}

async fn log_in(app: &TestApp, email: &str, password: &str) -> Answer {
    app.post("/auth/v1/login", &json!({"email": email, "password": password})).send().await
}

async fn stored(app: &TestApp, email: &'static str) -> String {
    let (ctx, sql) = (app.db.ctx(), "SELECT password_hash FROM users WHERE email_key = $1");
    let row = ctx.read(move |_, tx| Box::pin(async move { tx.query_one(sql, &[email.into()]).await })).await;
    row.unwrap().get(0).unwrap()
}

async fn store(app: &TestApp, email: &'static str, hash: &str) {
    let (ctx, hash) = (app.db.ctx(), hash.to_owned());
    let sql = "UPDATE users SET password_hash = $2 WHERE email_key = $1";
    let write = ctx.write(move |_, tx| Box::pin(async move { tx.execute(sql, &[email.into(), hash.into()]).await }));
    assert_eq!(write.await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hash_is_made_anew_at_the_first_log_in() {
    on_both(async |app| {
        let mut audit = Audit::of(&app.db).await;
        let row = json!({"email": "Ann@example.com", "password_hash": DEAR, "username": "ann", "name": "Ann", "email_verified": true, "roles": ["admin"]});
        import(&app, row).await;
        assert_eq!(audit.actions().await, ["account.imported", "role.assigned"]);
        assert_eq!(stored(&app, "ann@example.com").await, DEAR);
        log_in(&app, "ann@example.com", "wrong").await.expect(401);
        assert_eq!(audit.actions().await, ["login.failed"]);
        assert_eq!(stored(&app, "ann@example.com").await, DEAR);

        let user = &log_in(&app, "ann@example.com", OLD).await.expect(200).json()["user"];
        assert_eq!((&user["email"], &user["email_verified"]), (&json!("Ann@example.com"), &json!(true)));
        assert_eq!((&user["username"], &user["name"], &user["version"]), (&json!("ann"), &json!("Ann"), &json!(1)));
        assert_eq!(user["roles"], json!(["admin"]));
        assert_eq!(audit.actions().await, ["password.rehashed", "session.created"]);
        let renewed = stored(&app, "ann@example.com").await;
        assert!(renewed.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{renewed}");

        log_in(&app, "ann@example.com", OLD).await.expect(200);
        log_in(&app, "ann@example.com", "wrong").await.expect(401);
        let news: Vec<String> = audit.news().await.into_iter().map(|entry| entry.action).collect();
        assert!(!news.contains(&"password.rehashed".to_owned()), "{news:?}");
        assert_eq!(stored(&app, "ann@example.com").await, renewed);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn log_ins_at_the_same_moment_all_succeed() {
    on_both(async |app| {
        import(&app, json!({"email": "ann@example.com", "password_hash": CHEAP})).await;
        let mut audit = Audit::of(&app.db).await;
        let body = json!({"email": "ann@example.com", "password": OLD});
        let answers = all((0..12).map(|_| app.post("/auth/v1/login", &body)).collect()).await;
        assert_eq!(answers.iter().map(|answer| answer.status.as_u16()).collect::<Vec<_>>(), [200; 12]);
        let actions = audit.actions().await;
        assert_eq!(actions.iter().filter(|action| *action == "password.rehashed").count(), 1, "{actions:?}");
        assert!(!actions.contains(&"login.failed".to_owned()), "{actions:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_costs_as_many_hashes_as_no_account() {
    on_both(async |app| {
        app.register("own@example.com").await;
        import(&app, json!({"email": "dear@example.com", "password_hash": DEAR})).await;
        for email in ["own@example.com", "dear@example.com", "nobody@example.com"] {
            let before = app.server.identity.password_hashes();
            log_in(&app, email, "wrong password").await.expect(401);
            assert_eq!(app.server.identity.password_hashes() - before, 1, "{email}");
        }
        // One that is tried sooner than ours is followed by one of ours, so that no account answers sooner than none.
        import(&app, json!({"email": "cheap@example.com", "password_hash": CHEAP})).await;
        let before = app.server.identity.password_hashes();
        log_in(&app, "cheap@example.com", "wrong password").await.expect(401);
        assert_eq!(app.server.identity.password_hashes() - before, 2);
    })
    .await;
}

/// RUSTSEC-2026-0199: a bcrypt hash that is not ASCII made servers panic.
#[tokio::test(flavor = "multi_thread")]
async fn a_stored_hash_that_cannot_be_read_is_a_wrong_password() {
    on_both(async |app| {
        app.register("ann@example.com").await;
        let expected =
            log_in(&app, "nobody@example.com", PASSWORD).await.expect_problem(401, "invalid_credentials").json();
        for hash in ["$2b$12$é", &format!("$2b$12${}", "é".repeat(26)), &DEAR.replacen("Coi", "€", 1), "é", "", "!x"]
        {
            store(&app, "ann@example.com", hash).await;
            let before = app.server.identity.password_hashes();
            let answer =
                log_in(&app, "ann@example.com", PASSWORD).await.expect_problem(401, "invalid_credentials").json();
            assert_eq!(answer["detail"], expected["detail"], "{hash}");
            assert_eq!(app.server.identity.password_hashes() - before, 1, "{hash}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_old_app_did_not_see_of_a_password_does_not_fit() {
    on_both(async |app| {
        // Of 72 times "x", which is all that bcrypt sees.
        let longest = "$2b$04$M0oplqNs/W7VjTwgbnn4zu4uvUkSqlMV/GQnjF.8JD1i1FuUvPqZy";
        import(&app, json!({"email": "ann@example.com", "password_hash": longest})).await;
        for more in ["x", "y", " "] {
            log_in(&app, "ann@example.com", &format!("{}{more}", "x".repeat(72))).await.expect(401);
        }
        log_in(&app, "ann@example.com", &"x".repeat(71)).await.expect(401);
        log_in(&app, "ann@example.com", &"x".repeat(72)).await.expect(200);
        // Now that the hash is ours, all of it counts.
        log_in(&app, "ann@example.com", &"x".repeat(73)).await.expect(401);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn importing_wants_permission() {
    on_both(async |app| {
        let stranger = app.db.ctx().with_actor(kernel::Actor::Anonymous);
        let refused = app.server.identity.import_users(&stranger, Vec::new(), None).await.unwrap_err();
        assert_eq!(refused.code(), kernel::Code::Unauthenticated);
    })
    .await;
}
