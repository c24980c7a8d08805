//! /auth/v1/sessions
use std::time::Duration;

use crate::support::{delete, get, on_both};

const PATH: &str = "/auth/v1/sessions";

#[tokio::test(flavor = "multi_thread")]
async fn ones_own_live_sessions_are_listed_page_by_page() {
    on_both(async |app| {
        app.register("bob@example.com").await;
        let first = app.register("ann@example.com").await;
        app.db.clock.advance(Duration::from_secs(1));
        app.log_in("ann@example.com").await;
        app.db.clock.advance(Duration::from_secs(1));
        let third = app.log_in("ann@example.com").await.text("access_token");

        let page = app.ask(get(&format!("{PATH}?limit=2")).bearer(&third).header("user-agent", "later")).await;
        assert_eq!(page.status, 200, "{page:?}");
        let items = page.json["items"].as_array().unwrap();
        let current: Vec<_> = items.iter().map(|item| item["is_current"].as_bool().unwrap()).collect();
        assert_eq!(current, [true, false]);
        assert_eq!((&items[0]["address"], &items[0]["transport"]), (&"203.0.113.9".into(), &"bearer".into()));
        let next = page.text("next");
        let page = app.ask(get(&format!("{PATH}?limit=2&after={next}")).bearer(&third)).await;
        assert_eq!(page.json["items"].as_array().unwrap().len(), 1);
        assert!(page.json["next"].is_null());
        assert_eq!(app.ask(get(&format!("{PATH}?after=x")).bearer(&third)).await.error(), (400, "bad_cursor"));
        assert_eq!(app.ask(get(&format!("{PATH}?limit=0")).bearer(&third)).await.error().0, 400);
        assert_eq!(app.ask(get(PATH)).await.error(), (401, "unauthenticated"));

        // Those that are over are not there: the first expires one second before the second.
        let _ = first;
        app.db.clock.advance(Duration::from_hours(7 * 24) - Duration::from_secs(2));
        let again = app.log_in("ann@example.com").await.text("access_token");
        let page = app.ask(get(PATH).bearer(&again)).await;
        assert_eq!(page.json["items"].as_array().unwrap().len(), 3);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_session_is_ended_and_only_ones_own() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await.text("access_token");
        let other = app.log_in("ann@example.com").await.text("access_token");
        let bob = app.register("bob@example.com").await.text("access_token");
        let page = app.ask(get(PATH).bearer(&other)).await;
        let items = page.json["items"].as_array().unwrap();
        let item = items.iter().find(|item| item["is_current"] == false).unwrap();
        let path = format!("{PATH}/{}", item["id"].as_str().unwrap());
        assert_eq!(app.ask(delete(&path).bearer(&bob)).await.error(), (404, "not_found"));
        assert_eq!(app.me(&ann).await.status, 200);
        assert_eq!(app.ask(delete(&path).bearer(&other)).await.status, 204);
        assert_eq!(app.me(&ann).await.error(), (401, "invalid_token"));
        assert_eq!(app.me(&other).await.status, 200);
        assert_eq!(app.ask(delete(&path).bearer(&other)).await.error(), (404, "not_found"));
        let malformed = delete(&format!("{PATH}/usr_01h455vb4pex5vsknk084sn02q")).bearer(&other);
        assert_eq!(app.ask(malformed).await.error(), (404, "not_found"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_others_are_ended_at_once() {
    on_both(async |app| {
        let first = app.register("ann@example.com").await.text("access_token");
        let second = app.log_in("ann@example.com").await.text("access_token");
        let bob = app.register("bob@example.com").await.text("access_token");
        for token in [&first, &second, &bob] {
            assert_eq!(app.me(token).await.status, 200);
        }
        assert_eq!(app.ask(delete(PATH).bearer(&second)).await.status, 204);
        let statuses = [app.me(&first).await.status, app.me(&second).await.status, app.me(&bob).await.status];
        assert_eq!(statuses.map(|status| status.as_u16()), [401, 200, 200]);
        assert_eq!(app.audited().await, ["session.revoked"]);
        // With nothing to end there is nothing to audit.
        assert_eq!(app.ask(delete(PATH).bearer(&second)).await.status, 204);
        assert_eq!(app.audited().await, ["session.revoked"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_long_over_are_removed_and_no_others() {
    on_both(async |app| {
        app.register("ann@example.com").await;
        app.db.clock.advance(Duration::from_hours(59 * 24));
        let ctx = app.db.ctx();
        // What registering left beside the session.
        app.identity.purge(&ctx).await.unwrap();
        app.log_in("ann@example.com").await;
        let purged = async || {
            app.identity.purge(&ctx).await.unwrap();
            let sql = "SELECT COUNT(*) FROM sessions";
            let row = ctx.read(move |_, tx| Box::pin(async move { tx.query_one(sql, &[]).await })).await.unwrap();
            row.get::<i64>(0).unwrap()
        };
        app.db.clock.advance(Duration::from_hours(24));
        assert_eq!(purged().await, 2);
        app.db.clock.advance(Duration::from_secs(1));
        assert_eq!(purged().await, 1);
        assert_eq!(purged().await, 1);
    })
    .await;
}
