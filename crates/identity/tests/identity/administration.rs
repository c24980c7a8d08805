//! /admin/v1/users
use std::time::Duration;

use kernel::{Code, Limit};
use serde_json::{Value as Json, json};

use crate::support::{App, Ask, delete, get, on_both, patch, post, put};

const PATH: &str = "/admin/v1/users";

fn roles(user_id: &str, roles: &Json) -> Ask {
    put(&format!("{PATH}/{user_id}/roles"), json!({"roles": roles}))
}

#[tokio::test(flavor = "multi_thread")]
async fn only_administrators_enter() {
    on_both(async |app| {
        let granted = app.register("ann@example.com").await;
        let (access, id) = (granted.text("access_token"), granted.user_id());
        let asks = || {
            let sessions = format!("{PATH}/{id}/sessions");
            [get(PATH), get(&format!("{PATH}/{id}")), roles(&id, &json!([])), get(&sessions), delete(&sessions)]
        };
        for ask in asks() {
            assert_eq!(app.ask(ask).await.error(), (401, "unauthenticated"));
        }
        for ask in asks() {
            assert_eq!(app.ask(ask.bearer(&access)).await.error(), (403, "forbidden"));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_listed_newest_first_page_by_page() {
    on_both(async |app| {
        let (_, admin) = app.administrator("root@example.com").await;
        let mut expected = vec!["root@example.com".to_owned()];
        for number in 0..4 {
            app.db.clock.advance(Duration::from_millis(1));
            let email = format!("user{number}@example.com");
            app.register(&email).await;
            expected.insert(0, email);
        }
        let gone = app.log_in("user2@example.com").await.text("access_token");
        assert_eq!(app.ask(delete("/auth/v1/me").bearer(&gone)).await.status, 204);
        expected.retain(|email| email != "user2@example.com");
        let (mut found, mut after) = (Vec::new(), String::new());
        loop {
            let page = app.ask(get(&format!("{PATH}?limit=2{after}")).bearer(&admin)).await;
            assert_eq!(page.status, 200, "{page:?}");
            for item in page.json["items"].as_array().unwrap() {
                let is_admin = item["email"] == "root@example.com";
                assert_eq!(item["roles"], if is_admin { json!(["admin"]) } else { json!([]) });
                found.push(item["email"].as_str().unwrap().to_owned());
            }
            match page.json["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => break,
            }
        }
        assert_eq!(found, expected);
        assert_eq!(app.ask(get(&format!("{PATH}?after=x")).bearer(&admin)).await.error(), (400, "bad_cursor"));
        assert_eq!(app.ask(get(&format!("{PATH}?filter=x")).bearer(&admin)).await.error().0, 400);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_take_effect_at_once() {
    on_both(async |app| {
        let (root, admin) = app.administrator("root@example.com").await;
        let granted = app.register("ann@example.com").await;
        let (access, id) = (granted.text("access_token"), granted.user_id());
        assert_eq!(app.ask(get(PATH).bearer(&access)).await.status, 403);
        let answer = app.ask(roles(&id, &json!(["editor", "admin", "admin"])).bearer(&admin)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!((&answer.json["roles"], &answer.json["version"]), (&json!(["admin", "editor"]), &json!(2)));
        assert_eq!(app.ask(get(PATH).bearer(&access)).await.status, 200);
        // And the other way round, by the new administrator.
        assert_eq!(app.ask(roles(&root.id.to_string(), &json!([])).bearer(&access)).await.status, 200);
        assert_eq!(app.ask(get(PATH).bearer(&admin)).await.error(), (403, "forbidden"));
        assert_eq!(app.audited().await, ["role.assigned", "role.assigned", "role.removed"]);
        let trail = app.query("SELECT before, after FROM audit_log WHERE action = 'role.removed'").await;
        let told = [trail[0].get::<String>(0).unwrap(), trail[0].get::<String>(1).unwrap()];
        assert_eq!(told, [r#"{"roles":["admin"]}"#, r#"{"roles":[]}"#]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_given_is_refused() {
    on_both(async |app| {
        let (root, admin) = app.administrator("root@example.com").await;
        let id = root.id.to_string();
        let unknown = app.ask(roles(&id, &json!(["admin", "king"])).bearer(&admin)).await;
        assert_eq!(unknown.error(), (422, "invalid"));
        assert_eq!(unknown.json["errors"][0]["field"], "roles[1]");
        let nobody = roles("usr_01h455vb4pex5vsknk084sn02q", &json!(["editor"])).bearer(&admin);
        assert_eq!(app.ask(nobody).await.error(), (404, "not_found"));
        let stale = roles(&id, &json!(["admin", "editor"])).bearer(&admin).header("if-match", "\"7\"");
        assert_eq!(app.ask(stale).await.error(), (412, "version_mismatch"));
        let missing = app.ask(get(&format!("{PATH}/usr_01h455vb4pex5vsknk084sn02q/sessions")).bearer(&admin)).await;
        assert_eq!(missing.error(), (404, "not_found"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_administrator_stays() {
    on_both(async |app| {
        let (root, admin) = app.administrator("root@example.com").await;
        let id = root.id.to_string();
        let refused = app.ask(roles(&id, &json!(["editor"])).bearer(&admin)).await;
        assert_eq!(refused.error(), (409, "last_administrator"));
        let refused = app.ask(delete("/auth/v1/me").bearer(&admin)).await;
        assert_eq!(refused.error(), (409, "last_administrator"));
        assert_eq!(app.me(&admin).await.json["roles"], json!(["admin"]));
        app.administrator("second@example.com").await;
        assert_eq!(app.ask(delete("/auth/v1/me").bearer(&admin)).await.status, 204);
        let expected = ["account.deleted", "role.assigned", "role.assigned", "role.removed", "session.revoked"];
        assert_eq!(app.audited().await, expected);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_who_remove_each_other_at_once_leave_one() {
    on_both(async |app| {
        let mut ids = Vec::new();
        for number in 0..8 {
            ids.push(app.administrator(&format!("root{number}@example.com")).await.0.id);
        }
        let removals: Vec<_> = ids
            .into_iter()
            .map(|id| {
                let (identity, ctx) = (app.identity.clone(), app.db.ctx());
                tokio::spawn(async move { identity.set_roles(&ctx, id, &[]).await.map(|_| ()) })
            })
            .collect();
        let mut refused = 0;
        for removal in removals {
            if let Err(error) = removal.await.unwrap() {
                assert_eq!(error.code(), Code::LastAdministrator);
                refused += 1;
            }
        }
        assert_eq!(refused, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_of_others_are_seen_and_ended() {
    on_both(async |app| {
        let (_, admin) = app.administrator("root@example.com").await;
        let granted = app.register("ann@example.com").await;
        let path = format!("{PATH}/{}/sessions", granted.user_id());
        let page = app.ask(get(&path).bearer(&admin)).await;
        assert_eq!(page.json["items"].as_array().unwrap().len(), 1, "{page:?}");
        assert_eq!(page.json["items"][0]["is_current"], false);
        assert_eq!(app.me(&granted.text("access_token")).await.status, 200);
        assert_eq!(app.ask(delete(&path).bearer(&admin)).await.status, 204);
        assert_eq!(app.me(&granted.text("access_token")).await.error(), (401, "invalid_token"));
        assert_eq!(app.me(&admin).await.status, 200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_sees_the_same() {
    on_both(async |app: App| {
        let (root, _) = app.administrator("root@example.com").await;
        let ctx = app.db.ctx();
        let found = app.identity.find_by_email(&ctx, "ROOT@example.com").await.unwrap();
        assert_eq!(found, Some(root.clone()));
        assert_eq!(app.identity.find_by_email(&ctx, "nobody@example.com").await.unwrap(), None);
        assert_eq!(app.identity.list_users(&ctx, Limit::default(), None).await.unwrap().items, [root]);
        let nobody = app.db.ctx().with_actor(kernel::Actor::Anonymous);
        assert_eq!(app.identity.find_by_email(&nobody, "x").await.unwrap_err().code(), Code::Unauthenticated);
        // Changing oneself does not change who one is for others.
        let ann = app.register("ann@example.com").await;
        app.ask(patch("/auth/v1/me", json!({"name": "Ann"})).bearer(&ann.text("access_token"))).await;
        let log_in = post("/auth/v1/login", json!({"email": "ann@example.com", "password": crate::support::PASSWORD}));
        assert_eq!(app.ask(log_in).await.json["user"]["name"], "Ann");
    })
    .await;
}
