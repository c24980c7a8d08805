//! States: single-use, of one browser, of one provider, leading where the app file says.
use super::providers::{Started, TARGET, claims, consent, location, on_both_providers, parameter, start};
use crate::support::{TestApp, all};

/// CVE-2025-46815 of Zitadel, supabase/auth#2483.
#[tokio::test(flavor = "multi_thread")]
async fn cve_2025_46815_a_state_is_good_once() {
    on_both_providers(async |app| {
        let started = start(&app, "mock", "").await;
        let callback = consent(&started, &claims("ann", "ann@example.com", true)).await;
        let asked = app.get(&callback).header("cookie", &started.cookie);
        let answers = all(vec![asked; 20]).await;
        let (gone, rest): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 302);
        assert_eq!((gone.len(), rest.len()), (1, 19));
        assert!(rest.iter().all(|answer| answer.outcome() == (401, "invalid_token".to_owned())));
        assert_eq!(location(gone[0]), TARGET);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_is_good_in_its_browser_alone() {
    on_both_providers(async |app| {
        let (mine, other) = (start(&app, "mock", "").await, start(&app, "mock", "").await);
        let callback = consent(&mine, &claims("ann", "ann@example.com", true)).await;
        app.get(&callback).send().await.expect_problem(401, "invalid_token");
        app.get(&callback).header("cookie", &other.cookie).send().await.expect_problem(401, "invalid_token");
        // It was tried elsewhere, and is over.
        app.get(&callback).header("cookie", &mine.cookie).send().await.expect_problem(401, "invalid_token");
        app.get("/auth/v1/oauth/mock/callback?code=x").send().await.expect_problem(401, "invalid_token");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_is_of_its_provider() {
    on_both_providers(async |app| {
        let started = start(&app, "mock", "").await;
        let callback = consent(&started, &claims("ann", "ann@example.com", true)).await;
        let callback = callback.replace("/mock/", "/real/");
        app.get(&callback).header("cookie", &started.cookie).send().await.expect_problem(401, "invalid_token");
    })
    .await;
}

/// Another server over the same database, whose app file changed meanwhile.
async fn elsewhere(app: &TestApp, change: impl FnOnce(&mut hardpan::config::Oauth)) -> hardpan::assemble::Server {
    let mut config = app.server.config.clone();
    change(&mut config.oauth);
    let source = store::Source { db: store::Db::open(app.db.options()).await.unwrap(), ..app.db.source.clone() };
    let declaration = std::sync::Arc::clone(app.server.records.declaration());
    hardpan::assemble::Foundation::new(config, declaration, source).unwrap().build().await.unwrap()
}

async fn under_way(app: &TestApp) -> (Started, String) {
    let started = start(app, "mock", "").await;
    let callback = consent(&started, &claims("ann", "ann@example.com", true)).await;
    (started, callback)
}

/// CVE-2025-64717 of Zitadel: a provider that was switched off logs nobody in.
#[tokio::test(flavor = "multi_thread")]
async fn cve_2025_64717_the_callback_of_a_disabled_provider_is_refused() {
    on_both_providers(async |app| {
        let (started, callback) = under_way(&app).await;
        let without = elsewhere(&app, |oauth| oauth.providers.retain(|provider| provider.name != "mock")).await;
        let asked = app.get(&callback).header("cookie", &started.cookie).through(&without.app);
        asked.send().await.expect_problem(404, "not_found");
    })
    .await;
}

/// CVE-2024-28239, CVE-2026-22032 of Directus: the list counts at the callback, too.
#[tokio::test(flavor = "multi_thread")]
async fn cve_2024_28239_targets_are_looked_up_at_the_callback_too() {
    on_both_providers(async |app| {
        let (started, callback) = under_way(&app).await;
        let without = elsewhere(&app, |oauth| oauth.redirects.clear()).await;
        let asked = app.get(&callback).header("cookie", &started.cookie).through(&without.app);
        asked.send().await.expect_problem(400, "bad_query");
    })
    .await;
}

/// CVE-2026-28512 of Pocket ID.
#[tokio::test(flavor = "multi_thread")]
async fn cve_2026_28512_targets_are_whole_and_listed() {
    on_both_providers(async |app| {
        for target in [
            "http://localhost:3000@evil.example/welcome",
            "http://localhost:3001/welcome",
            "http://localhost:3000/welcome%23x",
            "http://localhost:3000/welcome/",
            "//evil.example",
            "https://evil.example",
            "javascript:alert(1)",
        ] {
            let path = format!("/auth/v1/oauth/mock?redirect_to={target}");
            app.get(&path).send().await.expect_problem(400, "bad_query");
        }
        let answer = app.get("/auth/v1/oauth/mock").send().await.expect(302);
        assert_eq!(parameter(&location(&answer), "code_challenge_method").as_deref(), Some("S256"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_declines_is_led_home() {
    on_both_providers(async |app| {
        let started = start(&app, "mock", "").await;
        let path = format!("/auth/v1/oauth/mock/callback?error=access_denied&state={}", started.parameter("state"));
        let answer = app.get(&path).header("cookie", &started.cookie).send().await.expect(302);
        assert_eq!(location(&answer), format!("{TARGET}#error=access_denied"));
    })
    .await;
}
