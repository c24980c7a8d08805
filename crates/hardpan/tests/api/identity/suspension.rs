//! `PATCH /admin/v1/users/{id}`: nobody who is suspended is let in, until they are resumed.
use std::time::Duration;

use kernel::{Actor, Principal, SessionId, UserId, actor::ADMIN};
use serde_json::{Value as Json, json};

use crate::support::{Audit, Authenticator, PASSWORD, Person, TestApp, all, on_both, on_both_apps, person};

async fn body(app: &TestApp, by: &Person, id: &str, body: Json) -> crate::support::Answer {
    app.patch(&format!("/admin/v1/users/{id}"), &body).bearer(&by.token).send().await
}

async fn documents(app: &TestApp, secret: &str) -> u16 {
    app.get("/api/v1/documents").bearer(secret).send().await.status.as_u16()
}

/// That every kind of credential is refused is in `incidents/endings.rs`.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_suspended_is_out_and_whoever_is_resumed_logs_in_again() {
    on_both(async |app| {
        let admin = app.person("admin@example.com", &["admin"]).await;
        let ann = app.register("ann@example.com").await;
        app.prove(&ann.email).await;
        let (kept, revoked) = (app.api_key(&ann, &["*:*"]).await, app.api_key(&ann, &["*:*"]).await);
        let letters = app.letters().await.len();
        let mut audit = Audit::of(&app.db).await;
        let reason = json!({"state": "suspended", "reason": "laptop stolen"});
        let answer = body(&app, &admin, &ann.id, reason).await.expect(200);
        let version = answer.json()["version"].as_i64().unwrap();
        assert_eq!(answer.json()["state"], "suspended");
        assert_eq!(answer.header("etag"), Some(format!("\"{version}\"").as_str()));
        let news = audit.news().await;
        let of = |action: &str| news.iter().find(|entry| entry.action == action).unwrap();
        let entry = of("account.suspended");
        assert_eq!((entry.target("usr"), entry.actor.as_ref()), (ann.id.clone(), Some(&admin.id)));
        assert_eq!(entry.before, json!({"version": version - 1}));
        assert_eq!(entry.after, json!({"version": version, "reason": "laptop stolen"}));
        assert_eq!(of("session.revoked").after["reason"], "account_suspended");
        assert_eq!(news.len(), 2, "{news:?}");

        assert!(!app.is_in(&ann.token).await);
        let refresh = app.post("/auth/v1/refresh", &json!({"refresh_token": ann.refresh}));
        refresh.clone().send().await.expect_problem(401, "invalid_token");
        assert_eq!((documents(&app, &kept.secret).await, documents(&app, &revoked.secret).await), (401, 401));
        // Nobody is told that there is such an account, whatever they know of it.
        let wrong = app.log_in(&ann.email, "wrong password").send().await.expect_problem(401, "invalid_credentials");
        let right = app.log_in(&ann.email, PASSWORD).send().await.expect_problem(401, "invalid_credentials");
        assert_eq!(wrong.json()["detail"], right.json()["detail"]);
        app.forgot(&ann.email).send().await.expect(202);
        app.post("/auth/v1/email/resend", &json!({"email": ann.email})).send().await.expect(202);
        assert_eq!(app.letters().await.len(), letters);
        app.post("/auth/v1/register", &json!({"email": ann.email, "password": PASSWORD}))
            .send()
            .await
            .expect_problem(409, "email_taken");
        // Administrators see it, and may end its keys.
        let seen = app.get(&format!("/admin/v1/users/{}", ann.id)).bearer(&admin.token).send().await.expect(200).json();
        assert_eq!(seen["state"], "suspended");
        let key = format!("/admin/v1/users/{}/api-keys/{}", ann.id, revoked.id);
        app.delete(&key).bearer(&admin.token).send().await.expect(204);

        audit.news().await;
        let answer = body(&app, &admin, &ann.id, json!({"state": "active"})).await.expect(200).json();
        assert_eq!((&answer["state"], &answer["version"]), (&json!("active"), &json!(version + 1)));
        let entry = audit.one().await;
        assert_eq!((entry.action.as_str(), entry.target("usr")), ("account.resumed", ann.id.clone()));
        assert_eq!(entry.after, json!({"version": version + 1, "reason": null}));
        // The password is good and the key that nobody revoked; the sessions are over.
        app.login(&ann.email).await;
        assert_eq!((documents(&app, &kept.secret).await, documents(&app, &revoked.secret).await), (200, 401));
        assert!(!app.is_in(&ann.token).await);
        refresh.send().await.expect_problem(401, "invalid_token");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_under_way_stays_over_and_devices_are_trusted_no_more() {
    on_both(async |app| {
        let admin = app.person("admin@example.com", &["admin"]).await;
        let (authenticator, ann) = Authenticator::confirmed(&app, &app.register("ann@example.com").await).await;
        app.advance(Duration::from_secs(30));
        let verified = json!({
            "challenge_id": app.challenge(&ann.email).await["challenge_id"], "method": "totp",
            "code": authenticator.code(&app), "trust_device": true,
        });
        let answer = app.post("/auth/v1/mfa/verify", &verified).send().await.expect(200).json();
        let log_in =
            app.log_in(&ann.email, PASSWORD).header("x-device-token", answer["device_token"].as_str().unwrap());
        log_in.clone().send().await.expect(200);
        let (challenge, link) = (app.challenge(&ann.email).await, app.reset_token(&ann.email).await);
        app.advance(Duration::from_secs(30));

        app.set_state(&admin, &ann, "suspended").send().await.expect(200);
        app.set_state(&admin, &ann, "active").send().await.expect(200);
        let code = authenticator.code(&app);
        app.verify(&challenge, "totp", &code).send().await.expect_problem(401, "invalid_token");
        app.reset(&link, "a third battery staple horse").send().await.expect_problem(401, "invalid_token");
        assert_eq!(log_in.send().await.expect(200).json()["mfa_required"], true);
        // The factor is there as before.
        let challenge = app.challenge(&ann.email).await;
        app.verify(&challenge, "totp", &code).send().await.expect(200);
    })
    .await;
}

/// An account that a thief moved to another address may be suspended first and given back then.
#[tokio::test(flavor = "multi_thread")]
async fn the_link_that_gives_an_address_back_outlasts_a_suspension() {
    on_both(async |app| {
        let admin = app.person("admin@example.com", &["admin"]).await;
        let ann = app.register("ann@example.com").await;
        app.prove(&ann.email).await;
        let change = app.post("/auth/v1/email/change", &json!({"email": "thief@example.com"})).bearer(&ann.token);
        change.send().await.expect(202);
        let token = app.letter("thief@example.com", "new email address").await.token();
        app.verify_email(&token).send().await.expect(204);
        let undo = json!({"token": app.letter(&ann.email, "being changed").await.token()});
        app.set_state(&admin, &ann, "suspended").send().await.expect(200);
        app.post("/auth/v1/email/undo", &undo).send().await.expect_problem(401, "invalid_token");
        app.set_state(&admin, &ann, "active").send().await.expect(200);
        app.post("/auth/v1/email/undo", &undo).send().await.expect(204);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_manages_users_and_has_proven_it_lately_may_and_over_no_one_greater() {
    let roles = "[roles.reader]\n[roles.host]\npermissions = [\"users:manage\"]\n\
                 [roles.support]\npermissions = [\"users:read\", \"roles:manage\"]\n\
                 [roles.chief]\npermissions = [\"users:manage\", \"roles:manage\"]\n";
    on_both_apps(roles, &[], async |app| {
        let admin = app.person("admin@example.com", &["admin"]).await;
        let host = app.person("host@example.com", &["host"]).await;
        let chief = app.person("chief@example.com", &["chief"]).await;
        let support = app.person("support@example.com", &["support"]).await;
        let ann = app.person("ann@example.com", &["reader"]).await;
        let key = app.api_key(&admin, &["*:*"]).await;
        let mut audit = Audit::of(&app.db).await;
        let try_ = async |by: &Person, whom: &Person, state: &str| app.set_state(by, whom, state).send().await;
        for (by, whom) in [(&ann, &host), (&ann, &ann), (&support, &ann), (&host, &chief), (&host, &admin)] {
            try_(by, whom, "suspended").await.expect_problem(403, "forbidden");
        }
        app.patch(&format!("/admin/v1/users/{}", ann.id), &json!({"state": "suspended"}))
            .bearer(&key.secret)
            .send()
            .await
            .expect_problem(403, "insufficient_scope");
        // Nobody shuts themselves out by mistake.
        for oneself in [&admin, &host] {
            let answer = try_(oneself, oneself, "suspended").await.expect_problem(403, "forbidden");
            assert_eq!(answer.json()["detail"], "Nobody suspends their own account.");
        }
        let nobody = Person { id: "usr_01h455vb4pex5vsknk084sn02q".to_owned(), ..ann.clone() };
        try_(&admin, &nobody, "suspended").await.expect_problem(404, "not_found");
        audit.none("refused").await;
        // Nor does anybody let in whom somebody greater shut out.
        try_(&admin, &chief, "suspended").await.expect(200);
        try_(&host, &chief, "active").await.expect_problem(403, "forbidden");
        try_(&host, &ann, "suspended").await.expect(200);
        try_(&host, &ann, "active").await.expect(200);

        app.advance(Duration::from_mins(5) + Duration::from_secs(1));
        for state in ["suspended", "active"] {
            try_(&admin, &ann, state).await.expect_problem(401, "fresh_login_required");
        }
        try_(&support, &ann, "suspended").await.expect_problem(403, "forbidden");
        // The service asks, too, whoever calls it.
        let id = |text: &str| UserId::parse(text).unwrap();
        let session_id = SessionId::parse(&app.current_session(&admin).await).unwrap();
        let stale = Principal { roles: [ADMIN.into()].into(), ..Principal::of_session(id(&admin.id), session_id) };
        let ctx = app.db.ctx().with_actor(Actor::Full(stale));
        let refused = app.server.identity.set_state(&ctx, id(&ann.id), identity::State::Suspended, None).await;
        assert_eq!(refused.unwrap_err().code(), kernel::Code::FreshLoginRequired);
        let step_up = app.post("/auth/v1/step-up", &json!({"method": "password", "password": PASSWORD}));
        let admin = person(&step_up.bearer(&admin.token).send().await.expect(200).json());
        try_(&admin, &ann, "suspended").await.expect(200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_are_asked_for_and_the_same_state_again_changes_nothing() {
    on_both(async |app| {
        let admin = app.person("admin@example.com", &["admin"]).await;
        let ann = app.register("ann@example.com").await;
        let mut audit = Audit::of(&app.db).await;
        let with = |state: &str, version: &str| app.set_state(&admin, &ann, state).header("if-match", version);
        with("suspended", "\"7\"").send().await.expect_problem(412, "version_mismatch");
        with("active", "\"1\"").send().await.expect(200);
        assert!(app.is_in(&ann.token).await);
        audit.none("it was active").await;
        with("suspended", "\"1\"").send().await.expect(200);
        audit.news().await;
        with("suspended", "\"1\"").send().await.expect_problem(412, "version_mismatch");
        let twice = with("suspended", "\"2\"").send().await.expect(200);
        assert_eq!((twice.header("etag"), &twice.json()["state"]), (Some("\"2\""), &json!("suspended")));
        audit.none("it was suspended").await;
        for (wrong, field, code) in [
            (json!({}), "state", "missing"),
            (json!({"reason": "x"}), "state", "missing"),
            (json!({"state": "deleted"}), "state", "not_a_member"),
            (json!({"state": null}), "state", "null"),
            (json!({"state": "active", "email": "eve@example.com"}), "email", "unknown_field"),
            (json!({"state": "active", "roles": ["admin"]}), "roles", "unknown_field"),
            (json!({"state": "active", "reason": "x".repeat(201)}), "reason", "too_long"),
            (json!({"state": "active", "reason": ""}), "reason", "too_short"),
        ] {
            let answer = body(&app, &admin, &ann.id, wrong).await.expect_problem(422, "invalid");
            assert_eq!(answer.errors(), [(field.to_owned(), code.to_owned())]);
        }
        audit.none("refused").await;
        assert!(!app.is_in(&ann.token).await);
    })
    .await;
}

/// One that is suspended administers nothing, and is not the one who stays.
#[tokio::test(flavor = "multi_thread")]
async fn the_last_administrator_who_can_log_in_stays() {
    let host = "[roles.reader]\n[roles.chief]\npermissions = [\"users:manage\"]\n";
    on_both_apps(host, &[], async |app| {
        let admin = app.person("admin@example.com", &["admin"]).await;
        let second = app.person("second@example.com", &["admin"]).await;
        let suspend = async |id: &str| {
            let ctx = app.db.ctx();
            app.server.identity.set_state(&ctx, UserId::parse(id).unwrap(), identity::State::Suspended, None).await
        };
        app.set_state(&admin, &second, "suspended").send().await.expect(200);
        let mut audit = Audit::of(&app.db).await;
        assert_eq!(suspend(&admin.id).await.unwrap_err().code(), kernel::Code::LastAdministrator);
        let roles = |whom: &Person| {
            let path = format!("/admin/v1/users/{}/roles", whom.id);
            app.put(&path, &json!({"roles": []})).bearer(&admin.token)
        };
        roles(&admin).send().await.expect_problem(409, "last_administrator");
        app.delete("/auth/v1/me").bearer(&admin.token).send().await.expect_problem(409, "last_administrator");
        audit.none("the last administrator").await;
        assert!(app.is_in(&admin.token).await);
        // Of the one who is suspended the role can be taken, and with another one the first may go.
        roles(&second).send().await.expect(200);
        app.person("third@example.com", &["admin"]).await;
        suspend(&admin.id).await.unwrap();
        assert!(!app.is_in(&admin.token).await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_who_suspend_each_other_at_once_do_not_all_succeed() {
    on_both(async |app| {
        let mut admins = Vec::new();
        for nth in 0..6 {
            admins.push(app.person(&format!("a{nth}@example.com"), &["admin"]).await);
        }
        let suspend =
            |(nth, admin): (usize, &Person)| app.set_state(admin, &admins[(nth + 1) % admins.len()], "suspended");
        let answers = all(admins.iter().enumerate().map(suspend).collect()).await;
        let count = |status: u16| answers.iter().filter(|answer| answer.status == status).count();
        assert_eq!(count(200) + count(401) + count(409), admins.len(), "{answers:?}");
        let mut left = 0;
        for admin in &admins {
            left += usize::from(app.is_in(&admin.token).await);
        }
        assert!(left > 0);
        assert_eq!(left, admins.len() - count(200));
    })
    .await;
}
