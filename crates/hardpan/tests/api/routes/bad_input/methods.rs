//! Methods that a path does not know, and those that every path knows.
use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use web::Method;

use super::{Scene, on_both_scenes};

/// The methods of every path, filled in; HEAD goes with GET, OPTIONS with all.
fn paths(scene: &Scene) -> BTreeMap<String, BTreeSet<String>> {
    let mut paths = BTreeMap::<String, BTreeSet<String>>::new();
    for route in scene.routes() {
        let known = paths.entry(scene.targets.path(route)).or_default();
        known.insert(route.method.to_string());
        known.insert("OPTIONS".to_owned());
        if route.method == Method::GET {
            known.insert("HEAD".to_owned());
        }
    }
    paths
}

fn listed(allow: Option<&str>) -> BTreeSet<String> {
    allow.unwrap_or_default().split(',').map(|method| method.trim().to_owned()).collect()
}

const METHODS: [&str; 13] =
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "PROPFIND", "QUERY", "BREW", "get", "X"];

#[tokio::test(flavor = "multi_thread")]
async fn a_method_that_a_path_does_not_know_is_405_with_those_it_knows() {
    on_both_scenes(async |scene| {
        let mut refused = 0;
        for (path, known) in paths(scene) {
            for method in METHODS.into_iter().filter(|method| !known.contains(*method)) {
                let method: Method = method.parse().unwrap();
                for with_body in [false, true] {
                    let request = scene.app.request(method.clone(), &path).bearer(&scene.administrator.token);
                    let request = if with_body { request.json(&json!({"a": 1})) } else { request };
                    let answer = request.send().await.expect(405);
                    assert_eq!(listed(answer.header("allow")), known, "{method} {path}");
                    if method != Method::HEAD {
                        assert_eq!(answer.code(), "method_not_allowed", "{method} {path}");
                    }
                }
                refused += 1;
            }
        }
        assert!(refused > 200, "{refused}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn options_names_the_methods_of_a_path_to_anyone() {
    on_both_scenes(async |scene| {
        for (path, known) in paths(scene) {
            for request in
                [scene.app.request(Method::OPTIONS, &path), scene.app.request(Method::OPTIONS, &path).bearer("x")]
            {
                let answer = request.send().await.expect(204);
                assert_eq!(listed(answer.header("allow")), known, "{path}");
                assert_eq!(answer.header("access-control-allow-origin"), None);
            }
        }
        scene.app.request(Method::OPTIONS, "/nowhere").send().await.expect_problem(404, "not_found");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn head_of_what_is_not_there_is_404() {
    on_both_scenes(async |scene| {
        scene.app.request(Method::HEAD, "/nowhere").send().await.expect(404);
        scene.app.request(Method::HEAD, "/auth/v1/me").send().await.expect(401);
        scene.app.request(Method::HEAD, "/auth/v1/login").send().await.expect(405);
    })
    .await;
}
