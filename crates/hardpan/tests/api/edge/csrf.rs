//! Sessions with cookies: a write needs a known origin and the echoed token, on every route that writes.
use serde_json::json;
use web::{Class, Method, Route};

use crate::support::{Audit, Browser, PASSWORD, Person, Request, Targets, TestApp, on_both, on_both_with};

const OWN: &str = "http://127.0.0.1:8080";
const FOREIGN: [&str; 6] = [
    "https://evil.example",
    "http://127.0.0.1",
    "http://127.0.0.1:8081",
    "https://127.0.0.1:8080",
    "null",
    "http://127.0.0.1:8080.evil.example",
];

fn log_in(app: &TestApp, email: &str) -> Request {
    app.post("/auth/v1/login", &json!({"email": email, "password": PASSWORD, "transport": "cookie"}))
}

struct Scene {
    app: TestApp,
    administrator: Person,
    browser: Browser,
    targets: Targets,
}

async fn scene(app: TestApp) -> Scene {
    let administrator = app.person("administrator@example.com", &["admin"]).await;
    let targets = Targets::new(&app, &administrator, &administrator).await;
    let answer = log_in(&app, "administrator@example.com").send().await.expect(200);
    Scene { administrator, browser: Browser::of(&answer, ""), targets, app }
}

impl Scene {
    fn writes(&self) -> impl Iterator<Item = &Route> {
        self.app.routes().iter().filter(|route| route.method != Method::GET && route.class != Class::Credentials)
    }

    /// A write as it would succeed, but for what proves it.
    fn unproven(&self, route: &Route) -> Request {
        let request = self.browser.with_cookies(self.targets.request(&self.app, route));
        if route.operation.id == "refresh" { request.json(&json!({})) } else { request }
    }
}

async fn refused(route: &Route, request: Request, what: &str) {
    let answer = request.send().await;
    assert_eq!(answer.outcome(), (403, "csrf_failed".to_owned()), "{} {what}: {}", route.operation.id, answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_write_is_made_with_cookies_alone() {
    on_both(async |app| {
        let scene = scene(app).await;
        let other = Browser::of(&log_in(&scene.app, "administrator@example.com").send().await.expect(200), "");
        let mut audit = Audit::of(&scene.app.db).await;
        for route in scene.writes() {
            let unproven = || scene.unproven(route);
            refused(route, unproven(), "without a token").await;
            refused(route, unproven().header("origin", OWN), "without a token, from our own page").await;
            for token in ["", "x", other.token(), &scene.browser.token()[1..], &scene.administrator.token] {
                refused(route, unproven().header("x-csrf-token", token), "with a wrong token").await;
            }
            for origin in FOREIGN {
                let request = scene.browser.sent(scene.unproven(route)).header("origin", origin);
                refused(route, request, origin).await;
            }
        }
        audit.none("writes that were not proven").await;
        scene.browser.with_cookies(scene.app.get("/auth/v1/me")).send().await.expect(200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_pages_write_with_the_token() {
    on_both(async |app| {
        let scene = scene(app).await;
        for origin in [None, Some(OWN)] {
            let from = |request: Request| match origin {
                Some(origin) => scene.browser.sent(request).header("origin", origin),
                None => scene.browser.sent(request),
            };
            let folder = from(scene.app.post("/api/v1/folders", &json!({"name": "a"}))).send().await.expect(201).json();
            let path = TestApp::path("folders", &folder);
            from(scene.app.patch(&path, &json!({"name": "b"}))).send().await.expect(200);
            from(scene.app.delete(&path)).send().await.expect(204);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_needs_no_token() {
    on_both(async |app| {
        let scene = scene(app).await;
        for method in [Method::GET, Method::HEAD] {
            let read = || scene.browser.with_cookies(scene.app.request(method.clone(), "/auth/v1/me"));
            read().send().await.expect(200);
            read()
                .header("origin", "https://evil.example")
                .header("sec-fetch-site", "cross-site")
                .send()
                .await
                .expect(200);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_browser_says_of_the_page_counts_where_it_names_no_origin() {
    on_both(async |app| {
        let scene = scene(app).await;
        let write = |site: &str| {
            let request = scene.app.post("/api/v1/folders", &json!({"name": "a"}));
            scene.browser.sent(request).header("sec-fetch-site", site)
        };
        write("cross-site").send().await.expect_problem(403, "csrf_failed");
        for site in ["same-origin", "none"] {
            write(site).send().await.expect(201);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listed_origin_writes_as_our_own() {
    on_both_with(&[("HARDPAN_CORS__ORIGINS", "https://app.example")], async |app| {
        let scene = scene(app).await;
        let write = |origin: &str| {
            let request = scene.app.post("/api/v1/folders", &json!({"name": "a"}));
            scene.browser.sent(request).header("origin", origin)
        };
        write("https://app.example").header("sec-fetch-site", "cross-site").send().await.expect(201);
        write("https://app.example.evil.example").send().await.expect_problem(403, "csrf_failed");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_page_cannot_log_its_visitors_in() {
    on_both(async |app| {
        app.register("ann@example.com").await;
        let mut audit = Audit::of(&app.db).await;
        let register = |email: &str| {
            app.post("/auth/v1/register", &json!({"email": email, "password": PASSWORD, "transport": "cookie"}))
        };
        for origin in FOREIGN {
            for request in [log_in(&app, "ann@example.com"), register("new@example.com")] {
                let answer = request.header("origin", origin).send().await.expect_problem(403, "csrf_failed");
                assert!(!answer.headers.contains_key("set-cookie"));
            }
        }
        let cross = log_in(&app, "ann@example.com").header("sec-fetch-site", "cross-site").send().await;
        cross.expect_problem(403, "csrf_failed");
        let two = log_in(&app, "ann@example.com").header("origin", OWN).header("origin", FOREIGN[0]).send().await;
        two.expect_problem(403, "csrf_failed");
        audit.none("log-ins from foreign pages").await;
        log_in(&app, "ann@example.com").header("origin", OWN).send().await.expect(200);
        // With tokens in the body there is nothing to be tricked into.
        let bearer = app.post("/auth/v1/login", &json!({"email": "ann@example.com", "password": PASSWORD}));
        bearer.header("origin", FOREIGN[0]).send().await.expect(200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logging_in_anew_over_an_old_session_needs_no_token_but_a_known_origin() {
    on_both(async |app| {
        let scene = scene(app).await;
        let again = || scene.browser.with_cookies(log_in(&scene.app, "administrator@example.com"));
        let answer = again().header("origin", OWN).send().await.expect(200);
        assert_ne!(Browser::of(&answer, "").access, scene.browser.access);
        again().header("origin", FOREIGN[0]).send().await.expect_problem(403, "csrf_failed");
    })
    .await;
}
