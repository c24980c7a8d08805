//! /auth/v1/me
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::{FutureExt as _, future::BoxFuture};
use identity::AccountKeeper;
use kernel::{Code, Error, Result, UserId};
use serde_json::{Value as Json, json};
use store::{Ctx, Tx};
use testkit::Engine;

use crate::support::{App, delete, get, on_both, patch, refresh, settings};

const PATH: &str = "/auth/v1/me";

#[tokio::test(flavor = "multi_thread")]
async fn the_profile_is_patched_and_its_version_grows() {
    on_both(async |app| {
        let access = app.register("ann@example.com").await.text("access_token");
        let change = |body: Json| app.ask(patch(PATH, body).bearer(&access));
        let answer = change(json!({"name": "Ann", "username": "ann", "preferences": {"a": {"b": 1, "c": 2}}})).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!((answer.headers["etag"].to_str().unwrap(), &answer.json["version"]), ("\"2\"", &json!(2)));
        let answer = change(json!({"name": null, "preferences": {"a": {"b": null}, "d": []}})).await;
        assert_eq!((&answer.json["name"], &answer.json["username"]), (&Json::Null, &json!("ann")));
        assert_eq!(answer.json["preferences"], json!({"a": {"c": 2}, "d": []}));
        assert_eq!(app.me(&access).await.json, answer.json);
        // What changes nothing is no change.
        assert_eq!(change(json!({"username": "ann"})).await.json["version"], 3);
        assert_eq!(change(json!({})).await.json["version"], 3);
        assert_eq!(app.audited().await, ["account.updated", "account.updated"]);
        let trail = app.query("SELECT after FROM audit_log WHERE action = 'account.updated'").await;
        let after = trail.iter().map(|row| serde_json::from_str::<Json>(&row.get::<String>(0).unwrap()).unwrap());
        let last = after.filter(|after| after["version"] == 3).collect::<Vec<_>>();
        assert_eq!(last, [json!({"version": 3, "changed": ["name", "preferences"]})]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_is_refused() {
    on_both(async |app| {
        let access = app.register("ann@example.com").await.text("access_token");
        let bob = app.register("bob@example.com").await.text("access_token");
        app.ask(patch(PATH, json!({"username": "bob"})).bearer(&bob)).await;
        let change = |body: Json| app.ask(patch(PATH, body).bearer(&access));
        assert_eq!(change(json!({"username": "BOB"})).await.error(), (409, "username_taken"));
        for body in [
            json!({"email": "new@example.com"}),
            json!({"roles": ["admin"]}),
            json!({"name": ""}),
            json!({"username": "a b"}),
            json!({"preferences": "x"}),
            json!({"preferences": {"a": "x".repeat(17_000)}}),
        ] {
            assert_eq!(change(body.clone()).await.error(), (422, "invalid"), "{body}");
        }
        // Each fits alone, both together do not.
        assert_eq!(change(json!({"preferences": {"a": "x".repeat(9000)}})).await.status, 200);
        assert_eq!(change(json!({"preferences": {"b": "x".repeat(9000)}})).await.error(), (422, "invalid"));
        let stale = patch(PATH, json!({"name": "Ann"})).bearer(&access).header("if-match", "\"1\"");
        assert_eq!(app.ask(stale).await.error(), (412, "version_mismatch"));
        let present = patch(PATH, json!({"name": "Ann"})).bearer(&access).header("if-match", "\"2\"");
        assert_eq!(app.ask(present).await.status, 200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_wants_a_fresh_log_in() {
    on_both(async |app| {
        let granted = app.register("ann@example.com").await;
        app.db.clock.advance(Duration::from_mins(5) + Duration::from_secs(1));
        let stale = app.ask(delete(PATH).bearer(&granted.text("access_token"))).await;
        assert_eq!(stale.error(), (401, "fresh_login_required"));
        // A refresh proves nothing anew.
        let refreshed = app.ask(refresh(&granted.text("refresh_token"))).await.text("access_token");
        assert_eq!(app.ask(delete(PATH).bearer(&refreshed)).await.error(), (401, "fresh_login_required"));
        let fresh = app.log_in("ann@example.com").await.text("access_token");
        assert_eq!(app.ask(delete(PATH).bearer(&fresh)).await.status, 204);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_account_is_gone_and_its_address_free() {
    on_both(async |app| {
        let granted = app.register("ann@example.com").await;
        let access = granted.text("access_token");
        app.ask(patch(PATH, json!({"name": "Ann", "username": "ann", "preferences": {"a": 1}})).bearer(&access)).await;
        let other = app.log_in("ann@example.com").await;
        assert_eq!(app.me(&other.text("access_token")).await.status, 200);
        assert_eq!(app.ask(delete(PATH).bearer(&access)).await.status, 204);

        for token in [&access, &other.text("access_token")] {
            // Not of the account itself: that one looks whether it is there.
            let listed = app.ask(get("/auth/v1/sessions").bearer(token)).await;
            assert_eq!(listed.error(), (401, "invalid_token"));
        }
        assert_eq!(app.ask(refresh(&other.text("refresh_token"))).await.error(), (401, "invalid_token"));
        let body = json!({"email": "ann@example.com", "password": crate::support::PASSWORD});
        let log_in = app.ask(crate::support::post("/auth/v1/login", body)).await;
        assert_eq!(log_in.error(), (401, "invalid_credentials"));
        let sql = "SELECT email, email_key, email_verified_at, username, username_key, name, password_hash FROM users";
        for value in app.query(sql).await.remove(0).into_values() {
            assert!(value.is_null(), "{value:?}");
        }
        let trail = app.query("SELECT action, before, after FROM audit_log").await;
        let trail: Vec<_> = trail.into_iter().map(|row| format!("{row:?}")).collect();
        assert!(trail.iter().all(|row| !row.contains("ann@example.com") && !row.contains("Ann")), "{trail:?}");
        assert_eq!(app.audited().await, ["account.deleted", "account.updated", "session.revoked"]);

        let again = app.register("ann@example.com").await;
        assert_ne!(again.user_id(), granted.user_id());
    })
    .await;
}

/// Remembers whom it was told of, and may refuse.
#[derive(Default)]
struct Keeper {
    told: Mutex<Vec<String>>,
    is_refusing: bool,
}

impl AccountKeeper for Keeper {
    fn hide<'t>(&'t self, tx: &'t mut Tx<'_>, _ctx: &'t Ctx, user_id: UserId) -> BoxFuture<'t, Result<()>> {
        async move {
            let sql = "SELECT state FROM users WHERE id = $1";
            let state: String = tx.query_one(sql, &[user_id.into()]).await?.get(0)?;
            self.told.lock().unwrap().push(format!("{user_id} {state}"));
            if self.is_refusing { Err(Error::new(Code::Unavailable)) } else { Ok(()) }
        }
        .boxed()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keepers_hear_of_it_in_the_same_transaction() {
    for engine in Engine::BOTH {
        for is_refusing in [false, true] {
            let keeper = Arc::new(Keeper { is_refusing, ..Keeper::default() });
            let app = App::start_with(engine, settings(), vec![keeper.clone()]).await;
            let granted = app.register("ann@example.com").await;
            let answer = app.ask(delete(PATH).bearer(&granted.text("access_token"))).await;
            assert_eq!(*keeper.told.lock().unwrap(), [format!("{} deleted", granted.user_id())]);
            let status = app.me(&granted.text("access_token")).await.status.as_u16();
            let expected = if is_refusing { (503, 200) } else { (204, 401) };
            assert_eq!((answer.status.as_u16(), status), expected);
        }
    }
}
