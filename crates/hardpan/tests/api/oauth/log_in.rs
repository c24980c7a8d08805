//! The whole way: with cookies, with a code, with a second factor, with GitHub and with a real provider.
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;

use super::providers::{
    BEARER, TARGET, VERIFIER, browse, callback_of, claims, consent, fetch, location, log_in, on_both_providers,
    on_both_with_more, parameter, providers, refusal, start, submit, tokens,
};
use crate::support::{Audit, Authenticator, Browser, person};

#[tokio::test(flavor = "multi_thread")]
async fn with_cookies() {
    on_both_providers(async |app| {
        let answer = log_in(&app, "", &claims("ann", "ann@example.com", true)).await;
        assert_eq!(location(&answer), TARGET);
        let browser = Browser::of(&answer, "");
        let me = browser.sent(app.get("/auth/v1/me")).send().await.expect(200).json();
        assert_eq!(
            (&me["email"], &me["name"], &me["email_verified"]),
            (&json!("ann@example.com"), &json!("Known as ann"), &json!(true))
        );
        // Again, with another address: the same account, for addresses are not the key (nOAuth).
        let again = tokens(&app, &claims("ann", "other@example.com", true)).await;
        assert_eq!(again["user"]["id"], me["id"]);
        assert_eq!(again["user"]["email"], "ann@example.com");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_code_that_is_good_once() {
    on_both_providers(async |app| {
        let answer = log_in(&app, BEARER, &claims("ann", "ann@example.com", true)).await;
        assert!(answer.cookie("hardpan_access").is_none());
        let target = location(&answer);
        let ann = person(&fetch(&app, &target).send().await.expect(200).json());
        assert!(app.is_in(&ann.token).await);
        fetch(&app, &target).send().await.expect_problem(401, "invalid_token");
    })
    .await;
}

/// Log-in CSRF: with a code alone, whoever has one leads others into their own account, and whoever sees one is let in.
#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_good_for_the_app_that_began_alone() {
    on_both_providers(async |app| {
        let path = format!("/auth/v1/oauth/mock?redirect_to={TARGET}&transport=bearer");
        app.get(&path).send().await.expect_problem(400, "bad_query");
        app.get(&format!("{path}&code_challenge=short")).send().await.expect_problem(400, "bad_query");
        let target = location(&log_in(&app, BEARER, &claims("ann", "ann@example.com", true)).await);
        let code = parameter(&target, "code").unwrap();
        let without = app.post("/auth/v1/oauth/token", &json!({"code": code}));
        without.send().await.expect_problem(422, "invalid");
        let other = VERIFIER.replace('d', "e");
        let body = json!({"code": code, "code_verifier": other});
        app.post("/auth/v1/oauth/token", &body).send().await.expect_problem(401, "invalid_token");
        // It was tried by another, and is over.
        fetch(&app, &target).send().await.expect_problem(401, "invalid_token");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_factor_is_asked_for() {
    on_both_providers(async |app| {
        let ann = person(&tokens(&app, &claims("ann", "ann@example.com", true)).await);
        let (authenticator, _) = Authenticator::confirmed(&app, &ann).await;
        app.advance(std::time::Duration::from_secs(30));
        let answer = log_in(&app, "", &claims("ann", "ann@example.com", true)).await;
        assert!(answer.cookie("hardpan_access").is_none(), "half a log-in is none");
        let target = location(&answer);
        let challenge = json!({"challenge_id": parameter(&target, "challenge_id").unwrap()});
        assert_eq!(parameter(&target, "mfa_required").as_deref(), Some("true"), "{target}");
        let whole = app.verify(&challenge, "totp", &authenticator.code(&app)).send().await.expect(200);
        Browser::of(&whole, "");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn registration_that_is_closed_stays_closed() {
    on_both_with_more(&[("HARDPAN_AUTH__REGISTRATION", "closed")], async |app| {
        assert_eq!(refusal(&app, &claims("ann", "ann@example.com", true)).await, "registration_closed");
    })
    .await;
}

/// Without an answer at once to everyone who registers, there is none here either for who proved nothing.
#[tokio::test(flavor = "multi_thread")]
async fn who_proved_nothing_does_not_learn_who_has_an_account() {
    for mode in ["closed", "invite", "verify_first"] {
        on_both_with_more(&[("HARDPAN_AUTH__REGISTRATION", mode)], async |app| {
            app.person("ann@example.com", &[]).await;
            for email in ["ann@example.com", "nobody@example.com"] {
                assert_eq!(refusal(&app, &claims("eve", email, false)).await, "identity_not_linked", "{mode}: {email}");
            }
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_is_known_again() {
    on_both_providers(async |app| {
        let ann = claims("ann", "ann@example.com", true);
        let device = log_in(&app, "", &ann).await.cookie("hardpan_device").expect("it keeps what it is known by");
        let mut audit = Audit::of(&app.db).await;
        let started = start(&app, "mock", "").await;
        let callback = consent(&started, &ann).await;
        let again = app.get(&callback).header("cookie", &format!("{}; {device}", started.cookie)).send().await;
        assert_eq!(again.expect(302).cookie("hardpan_device"), None);
        assert_eq!(audit.actions().await, ["session.created"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_github() {
    on_both_providers(async |app| {
        let log_in = async |id: u64, email: &str, verified: bool| {
            let started = start(&app, "github", BEARER).await;
            assert!(started.url.starts_with(&providers().github), "{}", started.url);
            let said = json!({
                "user": {"id": id, "login": "ann", "name": "Ann"},
                "emails": [{"email": "old@example.com", "primary": false, "verified": true},
                           {"email": email, "primary": true, "verified": verified}],
            });
            let (code, state) = (URL_SAFE_NO_PAD.encode(said.to_string()), started.parameter("state"));
            let path = format!("/auth/v1/oauth/github/callback?code={code}&state={state}");
            location(&app.get(&path).header("cookie", &started.cookie).send().await.expect(302))
        };
        let target = log_in(7, "ann@example.com", true).await;
        let user = fetch(&app, &target).send().await.expect(200).json()["user"].clone();
        assert_eq!((&user["email"], &user["email_verified"]), (&json!("ann@example.com"), &json!(true)));
        let target = log_in(8, "ann@example.com", false).await;
        assert_eq!(parameter(&target, "error").as_deref(), Some("identity_not_linked"));
    })
    .await;
}

/// oidc-provider, with its own pages: log-in, consent, PKCE, nonce, `iss` in its answer and claims from userinfo.
#[tokio::test(flavor = "multi_thread")]
async fn with_a_real_provider() {
    on_both_providers(async |app| {
        let started = start(&app, "real", BEARER).await;
        let url = started.url.clone();
        let callback = tokio::task::spawn_blocking(move || consent_really(url)).await.unwrap();
        assert!(parameter(&callback, "iss").is_some(), "{callback}");
        let answer = app.get(&callback_of(&callback)).header("cookie", &started.cookie).send().await.expect(302);
        let user = fetch(&app, &location(&answer)).send().await.expect(200).json()["user"].clone();
        assert_eq!((&user["email"], &user["email_verified"]), (&json!("ann@real.example"), &json!(true)));
    })
    .await;
}

/// Fills in the provider's forms as a person would; the way back.
fn consent_really(start: String) -> String {
    let base = providers().real.clone();
    let (mut url, mut jar) = (start, Vec::<String>::new());
    for _ in 0..20 {
        if url.starts_with("http://127.0.0.1:8080") {
            return url;
        }
        let (mut next, mut given) = browse(&url, &jar.join("; "));
        if next.is_none() {
            let prompt = if jar.iter().any(|cookie| cookie == "asked=1") {
                "prompt=consent"
            } else {
                "prompt=login&login=ann&password=x"
            };
            jar.push("asked=1".to_owned());
            (next, given) = submit(&url, &jar.join("; "), prompt);
        }
        for cookie in given {
            let name = cookie.split('=').next().unwrap().to_owned();
            jar.retain(|kept| kept.split('=').next() != Some(&name));
            if !cookie.ends_with('=') {
                jar.push(cookie);
            }
        }
        let next = next.expect("it leads on");
        url = if next.starts_with("http") { next } else { format!("{base}{next}") };
    }
    panic!("it leads nowhere: {url}");
}
