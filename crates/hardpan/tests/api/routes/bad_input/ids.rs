//! Ids in paths that are malformed, of another kind, or of nothing: all of them 404.
use web::Method;

use super::{on_both_scenes, refused};

const NOT_FOUND: (u16, &str) = (404, "not_found");

/// Well-formed, and never given out.
const SUFFIX: &str = "01h455vb4pex5vsknk084sn02q";

/// What stands in a path where an id belongs, percent-encoded.
fn malformed(prefix: &str) -> Vec<String> {
    let mut ids: Vec<String> = [
        "x",
        "0",
        "-1",
        "null",
        "undefined",
        "*",
        "%",
        "%zz",
        "%4",
        "%00",
        "%ff",
        "%c0%80",
        "%ed%a0%80",
        "%C3%A9",
        "%20",
        "%0a",
        "..",
        ".",
        "%2e%2e",
        "..%2f..%2fetc%2fpasswd",
        "%252e%252e",
        "a%2fb",
        "'%20OR%20'1'='1",
        "%22;DROP%20TABLE%20documents;--",
        "$%7B7*7%7D",
        "0189a0b1-0000-7000-8000-000000000000",
    ]
    .map(str::to_owned)
    .to_vec();
    ids.extend([
        prefix.to_owned(),
        format!("{prefix}_"),
        format!("{prefix}_{}", &SUFFIX[1..]),
        format!("{prefix}_{SUFFIX}q"),
        format!("{prefix}_8{}", &SUFFIX[1..]),
        format!("{prefix}_{}", SUFFIX.to_uppercase()),
        format!("{}_{SUFFIX}", prefix.to_uppercase()),
        format!("%20{prefix}_{SUFFIX}"),
        format!("{prefix}_{SUFFIX}%00"),
        format!("{prefix}_{SUFFIX}%0a"),
        format!("{prefix}-{SUFFIX}"),
        SUFFIX.to_owned(),
        "x".repeat(5_000),
        "x".repeat(20_000),
        "%41".repeat(5_000),
    ]);
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_id_is_404() {
    on_both_scenes(async |scene| {
        for route in scene.routes().filter(|route| route.path.contains("{id}")) {
            let (prefix, _) = scene.targets.id(route).rsplit_once('_').unwrap();
            for id in malformed(prefix) {
                let path = route.path.replace("{id}", &id);
                refused(route, scene.request_to(route, &path), NOT_FOUND, &id).await;
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_of_another_kind_is_404() {
    on_both_scenes(async |scene| {
        let with_id = || scene.routes().filter(|route| route.path.contains("{id}"));
        for route in with_id() {
            let own = scene.targets.id(route);
            for other in with_id().map(|other| scene.targets.id(other)).filter(|other| *other != own) {
                let path = route.path.replace("{id}", other);
                refused(route, scene.request_to(route, &path), NOT_FOUND, other).await;
                // The same sixteen bytes under another name.
                let (prefix, _) = other.rsplit_once('_').unwrap();
                let (own_prefix, suffix) = own.rsplit_once('_').unwrap();
                if prefix != own_prefix {
                    let renamed = format!("{prefix}_{suffix}");
                    let path = route.path.replace("{id}", &renamed);
                    refused(route, scene.request_to(route, &path), NOT_FOUND, &renamed).await;
                }
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_of_nothing_is_404() {
    on_both_scenes(async |scene| {
        for route in scene.routes().filter(|route| route.path.contains("{id}")) {
            let (prefix, _) = scene.targets.id(route).rsplit_once('_').unwrap();
            let nothing = format!("{prefix}_{SUFFIX}");
            let path = route.path.replace("{id}", &nothing);
            refused(route, scene.request_to(route, &path), NOT_FOUND, &nothing).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_id_is_404() {
    on_both_scenes(async |scene| {
        for route in scene.routes().filter(|route| route.path.contains("{id}")) {
            let path = route.path.replace("{id}", "");
            for method in [Method::GET, Method::PATCH, Method::DELETE, Method::PUT, Method::POST] {
                let request = scene.app.request(method.clone(), &path).bearer(&scene.administrator.token);
                refused(route, request, NOT_FOUND, &format!("{method} {path}")).await;
            }
        }
    })
    .await;
}
