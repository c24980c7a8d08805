//! What a hostile provider may say: every forged token is refused.
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::providers::{
    TARGET, claims, consent, location, on_both_providers, parameter, providers, refusal, start, tokens,
};

fn with(changes: &Json) -> Json {
    let mut all = claims("ann", "ann@example.com", true);
    all.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn every_forged_token_is_refused() {
    on_both_providers(async |app| {
        for forged in [
            json!({"iss": "https://evil.example"}),
            json!({"iss": null}),
            json!({"aud": "another"}),
            json!({"aud": ["hardpan", "another"]}),
            json!({"aud": null}),
            json!({"azp": "another"}),
            json!({"nonce": "another"}),
            json!({"nonce": null}),
            json!({"exp": 1_000_000_000}),
            json!({"exp": "4000000000"}),
            json!({"exp": null}),
            json!({"sub": null}),
            json!({"email_verified": "true"}),
            json!({"header": {"alg": "none"}}),
            json!({"header": {"alg": "HS256"}}),
            json!({"header": {"kid": "another"}}),
            json!({"header": {"crit": ["exp"]}}),
        ] {
            assert_eq!(refusal(&app, &with(&forged)).await, "identity_refused", "{forged}");
        }
        tokens(&app, &with(&json!({"azp": "hardpan"}))).await;
    })
    .await;
}

/// CVE-2026-31813 of Supabase: the issuer of a provider is the one in the app file, and neither a token nor a document says otherwise.
#[tokio::test(flavor = "multi_thread")]
async fn cve_2026_31813_the_issuer_is_pinned() {
    on_both_providers(async |app| {
        let issuer = format!("{}/", providers().mock);
        assert_eq!(refusal(&app, &with(&json!({"iss": issuer}))).await, "identity_refused");
        // `other` is configured with an issuer that its document does not name.
        let path = format!("/auth/v1/oauth/other?redirect_to={TARGET}");
        app.get(&path).send().await.expect_problem(401, "identity_refused");
    })
    .await;
}

/// RFC 9207: an answer that names another issuer is another provider's.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_another_issuer_is_refused() {
    on_both_providers(async |app| {
        let started = start(&app, "mock", "").await;
        let callback = consent(&started, &with(&json!({}))).await;
        let mixed = format!("{callback}&iss=https://evil.example");
        let answer = app.get(&mixed).header("cookie", &started.cookie).send().await.expect(302);
        assert_eq!(parameter(&location(&answer), "error").as_deref(), Some("identity_refused"));
        // The real one says that it names itself, so an answer without is none of its own.
        let started = start(&app, "real", "").await;
        let path = format!("/auth/v1/oauth/real/callback?code=x&state={}", started.parameter("state"));
        let answer = app.get(&path).header("cookie", &started.cookie).send().await.expect(302);
        assert_eq!(parameter(&location(&answer), "error").as_deref(), Some("identity_refused"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_end() {
    on_both_providers(async |app| {
        app.advance(Duration::from_hours(24 * 3650));
        assert_eq!(refusal(&app, &with(&json!({}))).await, "identity_refused");
    })
    .await;
}
