//! Paths that lead nowhere, however they are spelt.
use web::Method;

use super::{Scene, on_both_scenes};

async fn leads_nowhere(scene: &Scene, path: &str) {
    for method in [Method::GET, Method::POST, Method::DELETE] {
        let request = scene.app.request(method.clone(), path).bearer(&scene.administrator.token);
        let answer = request.send().await;
        assert_eq!(answer.outcome(), (404, "not_found".to_owned()), "{method} {path}: {}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_nobody_declared_is_404() {
    on_both_scenes(async |scene| {
        for path in [
            "/",
            "/nowhere",
            "/api",
            "/api/v1",
            "/api/v1/",
            "/api/v2/documents",
            "/api/v1/users",
            "/api/v1/sessions",
            "/api/v1/audit_log",
            "/auth",
            "/auth/v1",
            "/auth/v2/me",
            "/admin",
            "/admin/v1",
            "/metrics",
            "/graphql",
            "/.env",
            "/.git/config",
            "/hardpan.toml",
            "/data/app.db",
            "/index.html",
            "/favicon.ico",
            "/robots.txt",
            "/wp-admin/",
            "/.well-known/",
            "/.well-known/openid-configuration",
            "/auth/v1/me/../sessions",
            "/openapi.yaml",
            "/docs/index.html",
        ] {
            leads_nowhere(scene, path).await;
        }
    })
    .await;
}

/// Whether a path is what a template stands for.
fn fits(template: &str, path: &str) -> bool {
    let (parts, segments): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
    let is_part = |(part, segment): (&&str, &&str)| part == segment || (part.starts_with('{') && !segment.is_empty());
    parts.len() == segments.len() && parts.iter().zip(&segments).all(is_part)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_has_one_spelling() {
    on_both_scenes(async |scene| {
        for route in scene.routes() {
            let path = scene.targets.path(route);
            let upper = path.to_uppercase();
            let doubled = path.replacen("/v1/", "/v1//", 1);
            let dotted = path.replacen("/v1/", "/v1/./", 1);
            let climbed = path.replacen("/v1/", "/v1/x/../", 1);
            let encoded = path.replacen("v1", "%761", 1);
            let slashes = path.replacen("/v1/", "/v1%2f", 1);
            let backslash = path.replacen("/v1/", "/v1%5c", 1);
            let spellings = [
                format!("{path}/"),
                format!("/{path}"),
                format!("{path}//"),
                format!("{path}/."),
                format!("{path}/.."),
                format!("/.{path}"),
                format!("/x/..{path}"),
                format!("{path}%00"),
                format!("{path}%20"),
                format!("{path};a=1"),
                format!("{path}.json"),
                format!("{path}%3fa=1"),
                format!("{path}%23"),
                upper,
                doubled,
                dotted,
                climbed,
                encoded,
                slashes,
                backslash,
            ];
            for spelling in spellings.into_iter().filter(|spelling| *spelling != path) {
                let answer = scene.app.get(&spelling).bearer(&scene.administrator.token).send().await;
                // Another id, of something that cannot be read by itself.
                let is_item = answer.status == 405 && scene.routes().any(|route| fits(&route.path, &spelling));
                assert!(is_item || answer.outcome() == (404, "not_found".to_owned()), "{spelling}: {}", answer.text());
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn climbing_out_leads_nowhere() {
    on_both_scenes(async |scene| {
        for path in [
            "/../etc/passwd",
            "/../../../../etc/passwd",
            "/api/v1/../../etc/passwd",
            "/..%2f..%2fetc%2fpasswd",
            "/%2e%2e/%2e%2e/etc/passwd",
            "/%252e%252e/etc/passwd",
            "/docs/../../../etc/passwd",
            "/docs/..%5c..%5cwindows",
            "/....//....//etc/passwd",
            "//etc/passwd",
            "//evil.example/",
            "/%00",
            "/%ff",
            "/%",
            "/%c0%ae%c0%ae/etc/passwd",
            "/docs%00.html",
            "/~root",
            "/.//",
            "/;/",
        ] {
            leads_nowhere(scene, path).await;
        }
        let long = format!("/{}", "a/".repeat(20_000));
        leads_nowhere(scene, &long).await;
        leads_nowhere(scene, &format!("/{}", "x".repeat(60_000))).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_absolute_target_names_the_same_path() {
    on_both_scenes(async |scene| {
        scene.app.get("http://127.0.0.1:8080/livez").send().await.expect(200);
        scene.app.get("http://127.0.0.1:8080/nowhere").send().await.expect_problem(404, "not_found");
        scene.app.get("http://evil.example/livez").send().await.expect_problem(400, "foreign_host");
    })
    .await;
}
