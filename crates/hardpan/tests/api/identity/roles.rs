//! Roles and accounts, administered: `/admin/v1/users`
use std::time::Duration;

use kernel::{Actor, Principal, SessionId, UserId, actor::ADMIN};
use serde_json::{Value as Json, json};

use crate::support::{Answer, Audit, PASSWORD, Person, TestApp, all, on_both, person};

fn path(person: &Person) -> String {
    format!("/admin/v1/users/{}/roles", person.id)
}

async fn set(app: &TestApp, admin: &Person, person: &Person, roles: Json) -> Answer {
    app.request(web::Method::PUT, &path(person)).json(&json!({"roles": roles})).bearer(&admin.token).send().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_is_effective_at_once_and_so_is_its_end() {
    on_both(async |app| {
        let admin = app.person("admin@example.com", &["admin"]).await;
        let (ann, bob) = (app.register("ann@example.com").await, app.register("bob@example.com").await);
        let document = TestApp::path("documents", &app.create("documents", &ann, &json!({"title": "a"})).await);
        let read = async || app.get(&document).bearer(&bob.token).send().await.status.as_u16();
        let users = async || app.get("/admin/v1/users").bearer(&bob.token).send().await.status.as_u16();
        assert_eq!((read().await, users().await), (404, 403));

        let mut audit = Audit::of(&app.db).await;
        let answer = set(&app, &admin, &bob, json!(["reader"])).await.expect(200);
        assert_eq!((answer.header("etag"), &answer.json()["roles"]), (Some("\"2\""), &json!(["reader"])));
        let entry = audit.one().await;
        assert_eq!(
            (entry.action.as_str(), entry.target("usr"), entry.actor),
            ("role.assigned", bob.id.clone(), Some(admin.id.clone()))
        );
        assert_eq!((entry.before, entry.after), (json!({"roles": []}), json!({"roles": ["reader"]})));
        // With the very token of before.
        assert_eq!((read().await, users().await), (200, 403));

        set(&app, &admin, &bob, json!(["admin"])).await.expect(200);
        assert_eq!(audit.actions().await, ["role.assigned", "role.removed"]);
        assert_eq!((read().await, users().await), (404, 200));
        set(&app, &admin, &bob, json!([])).await.expect(200);
        assert_eq!((read().await, users().await), (404, 403));
    })
    .await;
}

/// Whoever stole an administrator's token makes no accomplice one.
#[tokio::test(flavor = "multi_thread")]
async fn giving_roles_wants_a_fresh_proof_and_ending_what_there_is_wants_none() {
    on_both(async |app| {
        let admin = app.person("admin@example.com", &["admin"]).await;
        let bob = app.register("bob@example.com").await;
        app.advance(Duration::from_mins(5) + Duration::from_secs(1));
        let mut audit = Audit::of(&app.db).await;
        for roles in [json!(["admin"]), json!([])] {
            set(&app, &admin, &bob, roles).await.expect_problem(401, "fresh_login_required");
        }
        let invite = |by: &Person| {
            app.post("/admin/v1/invitations", &json!({"email": "new@example.com", "roles": ["admin"]}))
                .bearer(&by.token)
        };
        invite(&admin).send().await.expect_problem(401, "fresh_login_required");
        // Nobody who may not is asked to prove anything.
        set(&app, &bob, &bob, json!(["admin"])).await.expect_problem(403, "forbidden");
        // The service asks, too, whoever calls it.
        let (user_id, session_id) =
            (UserId::parse(&admin.id).unwrap(), SessionId::parse(&app.current_session(&admin).await).unwrap());
        let stale = Principal { roles: [ADMIN.into()].into(), ..Principal::of_session(user_id, session_id) };
        let ctx = app.db.ctx().with_actor(Actor::Full(stale));
        let refused = app.server.identity.set_roles(&ctx, UserId::parse(&bob.id).unwrap(), &["admin".to_owned()]).await;
        assert_eq!(refused.unwrap_err().code(), kernel::Code::FreshLoginRequired);
        audit.none("no proof").await;
        for what in ["sessions", "api-keys"] {
            let path = format!("/admin/v1/users/{}/{what}", bob.id);
            app.delete(&path).bearer(&admin.token).send().await.expect(204);
        }
        let step_up = app.post("/auth/v1/step-up", &json!({"method": "password", "password": PASSWORD}));
        let admin = person(&step_up.bearer(&admin.token).send().await.expect(200).json());
        set(&app, &admin, &bob, json!(["admin"])).await.expect(200);
        invite(&admin).send().await.expect(201);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_roles_again_change_nothing() {
    on_both(async |app| {
        let admin = app.person("admin@example.com", &["admin"]).await;
        let bob = app.register("bob@example.com").await;
        set(&app, &admin, &bob, json!(["reader", "admin"])).await.expect(200);
        let mut audit = Audit::of(&app.db).await;
        let answer = set(&app, &admin, &bob, json!(["admin", "reader", "admin"])).await.expect(200);
        assert_eq!((answer.header("etag"), &answer.json()["roles"]), (Some("\"2\""), &json!(["admin", "reader"])));
        audit.none("the same roles").await;
        let put = |header: &str| {
            app.request(web::Method::PUT, &path(&bob)).json(&json!({"roles": []})).header("if-match", header)
        };
        put("\"1\"").bearer(&admin.token).send().await.expect_problem(412, "version_mismatch");
        put("\"2\"").bearer(&admin.token).send().await.expect(200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_roles_that_rules_ask_for_exist() {
    on_both(async |app| {
        let admin = app.person("admin@example.com", &["admin"]).await;
        let bob = app.register("bob@example.com").await;
        let answer = set(&app, &admin, &bob, json!(["reader", "Reader", "root"])).await.expect_problem(422, "invalid");
        let unknown = |place: usize| (format!("roles[{place}]"), "unknown_role".to_owned());
        assert_eq!(answer.errors(), [unknown(1), unknown(2)]);
        let me = app.get("/auth/v1/me").bearer(&bob.token).send().await.expect(200).json();
        assert_eq!(me["roles"], json!([]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_administrator_stays() {
    on_both(async |app| {
        let admin = app.person("admin@example.com", &["admin"]).await;
        let mut audit = Audit::of(&app.db).await;
        set(&app, &admin, &admin, json!([])).await.expect_problem(409, "last_administrator");
        set(&app, &admin, &admin, json!(["reader"])).await.expect_problem(409, "last_administrator");
        app.delete("/auth/v1/me").bearer(&admin.token).send().await.expect_problem(409, "last_administrator");
        audit.none("the last administrator").await;
        assert_eq!(app.get("/admin/v1/users").bearer(&admin.token).send().await.status, 200);
        // With a second one the first may go.
        app.person("second@example.com", &["admin"]).await;
        app.delete("/auth/v1/me").bearer(&admin.token).send().await.expect(204);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_who_remove_each_other_at_once_do_not_both_succeed() {
    on_both(async |app| {
        let mut admins = Vec::new();
        for nth in 0..6 {
            admins.push(app.person(&format!("a{nth}@example.com"), &["admin"]).await);
        }
        for _ in 0..5 {
            let remove = |(nth, admin): (usize, &Person)| {
                let next = &admins[(nth + 1) % admins.len()];
                app.request(web::Method::PUT, &path(next)).json(&json!({"roles": []})).bearer(&admin.token)
            };
            let answers = all(admins.iter().enumerate().map(remove).collect()).await;
            let count = |status: u16| answers.iter().filter(|answer| answer.status == status).count();
            assert_eq!(count(200) + count(403) + count(409), admins.len(), "{answers:?}");
            let mut left = Vec::new();
            for admin in &admins {
                if app.get("/admin/v1/users").bearer(&admin.token).send().await.status == 200 {
                    left.push(admin);
                }
            }
            assert_eq!(left.len(), admins.len() - count(200));
            let Some(admin) = left.first() else { panic!("nobody is left") };
            for other in &admins {
                set(&app, admin, other, json!(["admin"])).await.expect(200);
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_see_accounts_and_end_sessions() {
    on_both(async |app| {
        let admin = app.person("admin@example.com", &["admin"]).await;
        let ann = app.register("ann@example.com").await;
        let again = app.login("ann@example.com").await;
        let page = app.get("/admin/v1/users").bearer(&admin.token).send().await.expect(200).json();
        let mut emails: Vec<&str> =
            page["items"].as_array().unwrap().iter().map(|user| user["email"].as_str().unwrap()).collect();
        emails.sort_unstable();
        assert_eq!(emails, ["admin@example.com", "ann@example.com"]);
        let user = app.get(&format!("/admin/v1/users/{}", ann.id)).bearer(&admin.token).send().await.expect(200);
        assert_eq!((&user.json()["email"], user.header("etag")), (&json!("ann@example.com"), Some("\"1\"")));

        let sessions = format!("/admin/v1/users/{}/sessions", ann.id);
        let page = app.get(&sessions).bearer(&admin.token).send().await.expect(200).json();
        assert_eq!(page["items"].as_array().unwrap().len(), 2);
        assert!(page["items"].as_array().unwrap().iter().all(|session| session["is_current"] == false));
        let mut audit = Audit::of(&app.db).await;
        app.delete(&sessions).bearer(&admin.token).send().await.expect(204);
        let entry = audit.one().await;
        assert_eq!((&entry.after["reason"], entry.actor), (&json!("revoked_by_administrator"), Some(admin.id.clone())));
        assert!(!app.is_in(&ann.token).await && !app.is_in(&again.token).await);
        assert!(app.is_in(&admin.token).await);
        app.login("ann@example.com").await;
    })
    .await;
}
