//! Failures of our own: told as problems, with nothing of what went wrong.
use std::time::Duration;

use serde_json::json;

use crate::support::{PRODUCTION, TestApp, on_both_with};

/// Makes every statement about folders fail.
async fn break_folders(app: &TestApp) {
    let (ctx, sql) = (app.db.ctx(), "ALTER TABLE folders RENAME TO gone");
    ctx.alter(move |_, tx| Box::pin(async move { tx.batch(sql).await })).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_of_ours_is_500_and_says_nothing_in_any_profile() {
    for environment in [&[][..], &[("HARDPAN_PROFILE", "development")], &PRODUCTION[..]] {
        on_both_with(environment, async |app| {
            let ann = app.register("ann@example.com").await;
            let path = TestApp::path("folders", &app.create("folders", &ann, &json!({"name": "a"})).await);
            break_folders(&app).await;
            for request in [
                app.get(&path),
                app.get("/api/v1/folders?sort=name"),
                app.post("/api/v1/folders", &json!({"name": "b"})),
                app.patch(&path, &json!({"name": "b"})),
                app.delete(&path),
            ] {
                let answer = request.bearer(&ann.token).may_fail().send().await.expect_problem(500, "internal");
                let problem = answer.json();
                assert_eq!(problem["detail"], "Something went wrong on our side.");
                assert!(problem.get("errors").is_none());
            }
            // Others go on.
            app.create("documents", &ann, &json!({"title": "a"})).await;
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_away_is_503_until_it_is_back() {
    on_both_with(&[], async |app| {
        let ann = app.register("ann@example.com").await;
        app.db.db.close().await;
        app.get("/livez").send().await.expect(200);
        for request in [
            app.get("/api/v1/folders").bearer(&ann.token),
            app.post("/api/v1/folders", &json!({"name": "a"})).bearer(&ann.token),
            app.get("/auth/v1/me").bearer(&ann.token),
            app.post("/auth/v1/login", &json!({"email": "a@b.example", "password": "12345678"})),
            app.post("/auth/v1/refresh", &json!({"refresh_token": ann.refresh})),
            app.post("/auth/v1/logout", &json!({"refresh_token": ann.refresh})),
        ] {
            let answer = request.may_fail().send().await.expect_problem(503, "unavailable");
            assert!(answer.header("retry-after").unwrap().parse::<u32>().unwrap() >= 1);
        }
        assert_eq!(app.get("/health").send().await.expect(200).json(), json!({"status": "degraded"}));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_for_readiness_is_told_no_while_the_database_is_away() {
    on_both_with(&[], async |app| {
        assert_eq!(app.get("/readyz").send().await.expect(200).json(), json!({"status": "ok"}));
        app.db.db.close().await;
        app.advance(Duration::from_secs(1));
        app.get("/readyz").may_fail().send().await.expect_problem(503, "unavailable");
    })
    .await;
}
