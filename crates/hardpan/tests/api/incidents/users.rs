//! Who is asking is never read from a header that a proxy might have set.
use web::Access;

use crate::support::{Targets, on_both_with};

/// CVE-2025-64484 oauth2-proxy, CVE-2026-33495 Oathkeeper: names of users in headers, with underscores too, came past the proxy that
/// was to strip them, and were believed.
#[tokio::test(flavor = "multi_thread")]
async fn oauth2_proxy_cve_2025_64484_no_header_names_the_caller() {
    // Also when the peer is a proxy that is trusted with addresses.
    on_both_with(&[("HARDPAN_SERVER__TRUSTED_PROXIES", "127.0.0.0/8")], async |app| {
        let admin = app.person("admin@example.com", &["admin"]).await;
        let targets = Targets::new(&app, &admin, &admin).await;
        for route in app.routes().iter().filter(|route| route.access != Access::Public) {
            let mut request = targets.request(&app, route);
            for name in ["user", "email", "preferred-username", "groups", "access-token", "id"] {
                let value = match name {
                    "groups" => "admin",
                    "access-token" => &admin.token,
                    "id" => &admin.id,
                    _ => &admin.email,
                };
                for prefix in ["x-forwarded", "x-auth-request", "x-remote", "remote", "x-authenticated"] {
                    let name = format!("{prefix}-{name}");
                    request = request.header(&name.replace('-', "_"), value).header(&name, value);
                }
            }
            let request = request.header("x-user-id", &admin.id).header("x-session-id", &admin.token);
            let answer = request.send().await;
            let anonymous = crate::routes::access::expected(&route.operation.id).unwrap()[0];
            assert_eq!(answer.status, anonymous, "{}: {}", route.operation.id, answer.text());
        }
    })
    .await;
}
