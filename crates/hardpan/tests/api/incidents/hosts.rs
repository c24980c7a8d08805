//! Links that leave the server are built from `app.public_url`, whatever a request says of where it came from.
use std::collections::BTreeSet;

use serde_json::json;

use crate::support::{Authenticator, Letter, PASSWORD, Request, Targets, TestApp, on_both_with};

const PUBLIC: &str = "https://tested.example";
/// The peer is a trusted proxy: its word counts for addresses, and for nothing else.
const ENVIRONMENT: [(&str, &str); 4] = [
    ("HARDPAN_PROFILE", "production"),
    ("HARDPAN_APP__PUBLIC_URL", PUBLIC),
    ("HARDPAN_SERVER__TRUSTED_PROXIES", "127.0.0.0/8"),
    ("HARDPAN_SERVER__DOCS", "public"),
];

fn forged(request: Request) -> Request {
    request
        .host(Some("evil.example"))
        .header("forwarded", "for=1.2.3.4;host=evil.example;proto=http;by=evil.example")
        .header("x-forwarded-for", "1.2.3.4")
        .header("x-forwarded-host", "evil.example")
        .header("x-forwarded-server", "evil.example")
        .header("x-forwarded-proto", "http")
        .header("x-forwarded-scheme", "http")
        .header("x-forwarded-port", "666")
        .header("x-forwarded-prefix", "/evil")
        .header("x-forwarded-uri", "https://evil.example/")
        .header("x-host", "evil.example")
        .header("x-original-host", "evil.example")
        .header("x-original-url", "https://evil.example/")
        .header("x-rewrite-url", "https://evil.example/")
        .header("x-zitadel-public-host", "evil.example")
        .header("origin", "https://evil.example")
        .header("referer", "https://evil.example/")
}

/// Every address in it, text and markup alike.
fn links(letter: &Letter) -> Vec<String> {
    let raw = letter.raw.replace("&#x2f;", "/");
    let starts = raw.match_indices("http").map(|(at, _)| &raw[at..]);
    let is_end = |symbol: char| symbol.is_whitespace() || "\"<>)".contains(symbol);
    starts.map(|rest| rest.split(is_end).next().unwrap().to_owned()).collect()
}

async fn check_letters(app: &TestApp, why: &str) -> BTreeSet<String> {
    let mut pages = BTreeSet::new();
    for letter in app.letters().await {
        assert!(!letter.raw.contains("evil"), "{why}: {}", letter.raw);
        for link in links(&letter) {
            let path = link.strip_prefix(PUBLIC).unwrap_or_else(|| panic!("{why}: {link} in {}", letter.raw));
            assert!(path.is_empty() || path.starts_with('/'), "{why}: {link}");
            pages.insert(path.split('#').next().unwrap().to_owned());
        }
    }
    pages
}

/// Zitadel CVE-2023-49097, GHSA-93m4-mfpg-c3xf, CVE-2025-64101, GHSA-pfrf-9r5f-73f5; Supabase GHSA-3529-5m8x-rpv3: the same four times
/// in one product, because each time one route was mended. So: every route, and every page a link can lead to.
#[tokio::test(flavor = "multi_thread")]
async fn zitadel_cve_2025_64101_no_route_mails_or_answers_what_a_request_says_of_its_host() {
    on_both_with(&ENVIRONMENT, async |app| {
        let owner = app.person("owner@example.com", &["admin"]).await;
        let targets = Targets::new(&app, &owner, &owner).await;
        for route in app.routes() {
            // What the log-in ends with would end it for the routes after it.
            let asks = if ["delete_me", "log_out", "step_up", "change_password", "delete_other_sessions"]
                .contains(&&*route.operation.id)
            {
                app.person(&format!("{}@example.com", route.operation.id), &[]).await
            } else {
                owner.clone()
            };
            let answer = forged(targets.request(&app, route)).bearer(&asks.token).send().await;
            let is_quoted = answer.headers.values().any(|value| value.to_str().unwrap().contains("evil"));
            assert!(!is_quoted && !answer.text().contains("evil"), "{} quotes it: {answer:?}", route.operation.id);
            check_letters(&app, &route.operation.id).await;
        }
    })
    .await;
}

/// The same, for each mail with a link as people get it.
#[tokio::test(flavor = "multi_thread")]
async fn supabase_ghsa_3529_5m8x_rpv3_every_page_that_mail_leads_to_is_the_configured_one() {
    on_both_with(&ENVIRONMENT, async |app| {
        let ask = |path: &str, body: serde_json::Value| forged(app.post(path, &body));
        let body = json!({"email": "ann@example.com", "password": PASSWORD});
        let ann = ask("/auth/v1/register", body).send().await.expect(201).json();
        let token = ann["access_token"].as_str().unwrap();
        app.prove("ann@example.com").await;
        let change = |email: &str| ask("/auth/v1/email/change", json!({"email": email})).bearer(token);
        ask("/auth/v1/password/forgot", json!({"email": "ann@example.com"})).send().await.expect(202);
        app.advance(std::time::Duration::from_mins(2));
        ask("/auth/v1/email/resend", json!({"email": "ann@example.com"})).send().await.expect(202);
        app.register("bob@example.com").await;
        change("bob@example.com").send().await.expect(202);
        app.letter("bob@example.com", "already have an account").await;
        app.advance(std::time::Duration::from_mins(2));
        change("new@example.com").send().await.expect(202);
        let confirmation = app.letter("new@example.com", "new email address").await.token();
        ask("/auth/v1/email/verify", json!({"token": confirmation})).send().await.expect(204);
        let undo = app.letter("ann@example.com", "being changed").await.token();
        app.advance(std::time::Duration::from_mins(2));
        ask("/auth/v1/email/undo", json!({"token": undo})).send().await.expect(204);
        // And those without a link that a page of ours stands behind.
        let bob = app.login("bob@example.com").await;
        let (_, bob) = Authenticator::confirmed(&app, &bob).await;
        forged(app.post("/auth/v1/me/backup-codes", &json!({})))
            .untyped("")
            .bearer(&bob.token)
            .send()
            .await
            .expect(201);
        let admin = app.person("admin@example.com", &["admin"]).await;
        let invitation = ask("/admin/v1/invitations", json!({"email": "cid@example.com"})).bearer(&admin.token);
        invitation.send().await.expect(201);
        let pages = check_letters(&app, "mail").await;
        for page in identity::notices::Page::ALL {
            assert!(pages.contains(page.path()), "no mail led to {}: {pages:?}", page.path());
        }
    })
    .await;
}

/// And for the mail that comes before there is an account.
#[tokio::test(flavor = "multi_thread")]
async fn supabase_ghsa_3529_5m8x_rpv3_the_mail_that_makes_an_account_leads_there_too() {
    let environment = [&ENVIRONMENT[..], &[("HARDPAN_AUTH__REGISTRATION", "verify_first")]].concat();
    on_both_with(&environment, async |app| {
        for _ in 0..2 {
            let body = json!({"email": "ann@example.com", "password": PASSWORD});
            forged(app.post("/auth/v1/register", &body)).send().await.expect(202);
            let pages = check_letters(&app, "registration").await;
            assert!(pages.contains("/auth/verify"), "{pages:?}");
            let token = app.letter("ann@example.com", "Finish creating").await.token();
            forged(app.verify_email(&token)).send().await;
            // The second time there is an account, and its owner is told.
            app.advance(std::time::Duration::from_mins(2));
        }
        app.letter("ann@example.com", "already have an account").await;
    })
    .await;
}
