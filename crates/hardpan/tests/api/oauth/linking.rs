//! Linking: only when both sides are proven, and never so that nobody can come in.
use serde_json::{Value as Json, json};

use super::providers::{
    Started, TARGET, claims, consent, location, log_in, on_both_providers, parameter, refusal, tokens,
};
use crate::{
    credentials::VERIFY,
    support::{Authenticator, PASSWORD, Person, TestApp, person},
};

const IDENTITIES: &str = "/auth/v1/me/identities";

async fn identities(app: &TestApp, person: &Person) -> Vec<Json> {
    let list = app.get(IDENTITIES).bearer(&person.token).send().await.expect(200).json();
    list["items"].as_array().unwrap().clone()
}

/// Links the account of `person`, who is logged in.
async fn link(app: &TestApp, person: &Person, claims: &Json) -> String {
    let path = format!("/auth/v1/oauth/mock?redirect_to={TARGET}&link=true");
    let started = Started::of(&app.get(&path).bearer(&person.token).send().await);
    let callback = consent(&started, claims).await;
    let callback = app.get(&callback).header("cookie", &started.cookie).bearer(&person.token);
    location(&callback.send().await.expect(302))
}

async fn is_password_good(app: &TestApp, email: &str) -> bool {
    let body = json!({"email": email, "password": PASSWORD});
    app.post("/auth/v1/login", &body).send().await.status == 200
}

/// CVE-2024-38351 of PocketBase; GHSA-g38m-r43w-p2q7 of better-auth and CVE-2026-35511 of Authorizer: an account whose address
/// nobody proved is not linked as it is. Whoever made it is out before the owner is in.
#[tokio::test(flavor = "multi_thread")]
async fn cve_2024_38351_a_squatter_is_out_before_the_owner_is_in() {
    on_both_providers(async |app| {
        let squatter = app.register("ann@example.com").await;
        assert_eq!(
            link(&app, &squatter, &claims("squatter", "squatter@example.com", true)).await,
            format!("{TARGET}#linked=mock")
        );
        let owner = person(&tokens(&app, &claims("ann", "ann@example.com", true)).await);
        assert!(!app.is_in(&squatter.token).await, "the squatter's session lives");
        assert!(!is_password_good(&app, "ann@example.com").await, "the squatter's password is good");
        let refreshed = app.post("/auth/v1/refresh", &json!({"refresh_token": squatter.refresh})).send().await;
        assert_eq!(refreshed.status, 401);
        assert_eq!(identities(&app, &owner).await.len(), 1, "the squatter's identity is linked");
        let me = app.get("/auth/v1/me").bearer(&owner.token).send().await.expect(200).json();
        assert_eq!((&me["email_verified"], &me["has_second_factor"]), (&json!(true), &json!(false)));
        // Theirs is nobody's now, and makes an account of its own.
        let other = tokens(&app, &claims("squatter", "squatter@example.com", true)).await;
        assert_ne!(other["user"]["id"], json!(owner.id));
    })
    .await;
}

/// GHSA-g38m-r43w-p2q7, CVE-2026-35511: neither side alone is enough.
#[tokio::test(flavor = "multi_thread")]
async fn ghsa_g38m_r43w_p2q7_an_unproven_address_links_nothing() {
    on_both_providers(async |app| {
        app.register("ann@example.com").await;
        for email in ["ann@example.com", "ANN@example.com"] {
            assert_eq!(refusal(&app, &claims("ann", email, false)).await, "identity_not_linked");
        }
        assert!(is_password_good(&app, "ann@example.com").await);
        // What administrators gave was for the one they know.
        app.person("root@example.com", &["admin"]).await;
        assert_eq!(refusal(&app, &claims("root", "root@example.com", true)).await, "identity_not_linked");
    })
    .await;
}

/// CVE-2026-44166 of PocketBase.
#[tokio::test(flavor = "multi_thread")]
async fn cve_2026_44166_an_unproven_account_of_one_provider_is_not_inherited() {
    on_both_providers(async |app| {
        let first = person(&tokens(&app, &claims("attacker", "ann@example.com", false)).await);
        let owner = person(&tokens(&app, &claims("ann", "ann@example.com", true)).await);
        assert!(!app.is_in(&first.token).await);
        assert_eq!(identities(&app, &owner).await.len(), 1);
        assert_eq!(refusal(&app, &claims("attacker", "ann@example.com", false)).await, "identity_not_linked");
    })
    .await;
}

/// nOAuth (Descope, 2023): whoever changes their address at a provider does not become someone else.
#[tokio::test(flavor = "multi_thread")]
async fn noauth_an_address_that_changes_is_not_the_key() {
    on_both_providers(async |app| {
        let ann = tokens(&app, &claims("ann", "ann@example.com", true)).await;
        let eve = tokens(&app, &claims("eve", "eve@example.com", true)).await;
        let changed = tokens(&app, &claims("eve", "ann@example.com", true)).await;
        assert_eq!(changed["user"]["id"], eve["user"]["id"]);
        assert_ne!(changed["user"]["id"], ann["user"]["id"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_logged_in_links_and_is_told() {
    on_both_providers(async |app| {
        let (ann, bob) = (app.register("ann@example.com").await, app.register("bob@example.com").await);
        let said = claims("ann-there", "ann@elsewhere.example", false);
        assert_eq!(link(&app, &ann, &said).await, format!("{TARGET}#linked=mock"));
        assert!(app.letters_to("ann@example.com").await.iter().any(|letter| letter.text.contains("mock")));
        assert_eq!(tokens(&app, &said).await["user"]["id"], json!(ann.id));
        assert_eq!(parameter(&link(&app, &bob, &said).await, "error").as_deref(), Some("identity_taken"));
        // Someone else cannot end what Ann began, and nobody begins it without a fresh log-in or from elsewhere.
        let path = format!("/auth/v1/oauth/mock?redirect_to={TARGET}&link=true");
        let started = Started::of(&app.get(&path).bearer(&ann.token).send().await);
        let callback = consent(&started, &claims("third", "third@example.com", true)).await;
        let answer = app.get(&callback).header("cookie", &started.cookie).bearer(&bob.token).send().await.expect(302);
        assert_eq!(parameter(&location(&answer), "error").as_deref(), Some("unauthenticated"));
        app.get(&path).send().await.expect_problem(401, "unauthenticated");
        let cross = app.get(&path).bearer(&ann.token).header("sec-fetch-site", "cross-site");
        cross.send().await.expect_problem(403, "csrf_failed");
        app.advance(std::time::Duration::from_mins(6));
        app.get(&path).bearer(&ann.token).send().await.expect_problem(401, "fresh_login_required");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unlinking_leaves_a_way_in() {
    on_both_providers(async |app| {
        let ann = person(&tokens(&app, &claims("ann", "ann@example.com", true)).await);
        let only = identities(&app, &ann).await[0]["id"].as_str().unwrap().to_owned();
        app.delete(&format!("{IDENTITIES}/{only}")).bearer(&ann.token).send().await.expect_problem(409, "last_way_in");
        assert_eq!(link(&app, &ann, &claims("second", "x@example.com", true)).await, format!("{TARGET}#linked=mock"));
        app.delete(&format!("{IDENTITIES}/{only}")).bearer(&ann.token).send().await.expect(204);
        assert_eq!(identities(&app, &ann).await.len(), 1);
        app.delete(&format!("{IDENTITIES}/{only}")).bearer(&ann.token).send().await.expect_problem(404, "not_found");
        // With a password the last one may go.
        let bob = app.register("bob@example.com").await;
        link(&app, &bob, &claims("bob", "bob@example.com", true)).await;
        let id = identities(&app, &bob).await[0]["id"].as_str().unwrap().to_owned();
        app.delete(&format!("{IDENTITIES}/{id}")).bearer(&bob.token).send().await.expect(204);
    })
    .await;
}

/// Half a log-in is none: whoever gets a provider to vouch for an address has not answered the second factor of its account.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_with_a_second_factor_is_linked_by_its_owner_alone() {
    on_both_providers(async |app| {
        let ann = app.register("ann@example.com").await;
        app.verify_email(&app.letter("ann@example.com", VERIFY).await.token()).send().await.expect(204);
        let (_, ann) = Authenticator::confirmed(&app, &ann).await;
        let (before, said) = (app.me(&ann).await, claims("ann", "ann@example.com", true));
        assert_eq!(refusal(&app, &said).await, "identity_not_linked");
        assert!(identities(&app, &ann).await.is_empty(), "half a log-in linked an identity");
        assert_eq!(app.me(&ann).await, before);
        // Logged in with it, the owner links, and is asked for it from then on.
        assert_eq!(link(&app, &ann, &said).await, format!("{TARGET}#linked=mock"));
        let target = location(&log_in(&app, "", &said).await);
        assert_eq!(parameter(&target, "mfa_required").as_deref(), Some("true"), "{target}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_no_mail_can_be_sent_to_does_not_keep_its_owner_from_linking() {
    on_both_providers(async |app| {
        let hash = "$2b$04$NnXgL0VPQPNktpaecMf2A.QuRvf7cDgD.s0JM.ryzQKwcyotxYuIG";
        let row = json!({"email": "ann..x@example.com", "password_hash": hash});
        let rows = vec![row.as_object().unwrap().clone()];
        let verdicts = app.server.identity.import_users(&app.db.ctx(), rows, None).await.unwrap();
        assert_eq!(verdicts, [identity::Imported::Created]);
        let log_in = app.log_in("ann..x@example.com", "pässwörd of the old app");
        let ann = person(&log_in.send().await.expect(200).json());
        assert_eq!(link(&app, &ann, &claims("ann", "x@example.com", true)).await, format!("{TARGET}#linked=mock"));
    })
    .await;
}
