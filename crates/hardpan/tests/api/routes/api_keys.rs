//! API keys: every route refuses those that lack its scope, and routes that are for people refuse them all.
use web::{Access, Method, Route};

use super::access::expected;
use crate::support::{Key, Person, Targets, TestApp, on_both};

/// The scopes by which a key may call an operation, from the contract; none: no key may.
fn scopes(app: &TestApp, operation: &str) -> Vec<String> {
    if operation == "get_me" {
        return vec!["account:read".to_owned()];
    }
    let Some((verb, resource)) = operation.split_once('_') else { return Vec::new() };
    if !app.resources().iter().any(|declared| declared.name == resource) {
        return Vec::new();
    }
    let actions: &[&str] = match verb {
        "list" | "get" | "aggregate" => &["read"],
        // The body of the test creates.
        "create" | "batch" => &["create"],
        // Whoever changes a record must be able to see it.
        "update" | "replace" => &["update", "read"],
        "delete" | "restore" => &["delete", "read"],
        _ => panic!("nobody said which scopes {operation} wants"),
    };
    actions.iter().map(|action| format!("{resource}:{action}")).collect()
}

/// Every scope but `wanted`.
fn others(app: &TestApp, wanted: &str) -> Vec<String> {
    let actions = ["read", "create", "update", "delete"];
    let of = |resource: &str| actions.map(|action| format!("{resource}:{action}"));
    let resources = app.resources().iter().flat_map(|resource| of(&resource.name));
    resources.chain(["account:read".to_owned()]).filter(|scope| scope != wanted).collect()
}

async fn key(app: &TestApp, owner: &Person, scopes: &[String]) -> Key {
    app.api_key(owner, &scopes.iter().map(String::as_str).collect::<Vec<_>>()).await
}

/// The path of something that is still there to be deleted, or to be restored.
async fn path(app: &TestApp, targets: &Targets, route: &Route, owner: &Person) -> String {
    let is_restore = route.path.ends_with("/restore");
    let is_one = route.path.contains("{id}");
    if (route.method != Method::DELETE || !is_one) && !is_restore {
        return targets.path(route);
    }
    let path = targets.path_to(route, &targets.fresh(app, route, owner, owner).await);
    if let Some(record) = path.strip_suffix("/restore") {
        app.delete(record).bearer(&owner.token).send().await.expect(204);
    }
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_asks_a_key_for_its_scope_and_routes_for_people_refuse_them_all() {
    on_both(async |app| {
        let owner = app.person("owner@example.com", &["admin"]).await;
        let targets = Targets::new(&app, &owner, &owner).await;
        // Of use for nothing by itself: whoever deletes must be able to see.
        let none = app.api_key(&owner, &["notices:delete"]).await;
        let everything = app.api_key(&owner, &["*:*", "account:read"]).await;
        let revoke = async |key: &Key| {
            app.delete(&format!("/auth/v1/api-keys/{}", key.id)).bearer(&owner.token).send().await.expect(204);
        };
        for route in app.routes() {
            let operation = &*route.operation.id;
            let ask = async |path: &str, key: &Key| {
                targets.request_to(&app, route, path).header("x-api-key", &key.secret).send().await
            };
            let path = path(&app, &targets, route, &owner).await;
            if route.access == Access::Public {
                // A key is as good as nothing there.
                if operation != "refresh" {
                    let answer = ask(&path, &everything).await;
                    assert_eq!(answer.status, expected(operation).unwrap()[0], "{operation}: {}", answer.text());
                }
                continue;
            }
            let wanted = scopes(&app, operation);
            let refused: &[&Key] = if wanted.is_empty() { &[&none, &everything] } else { &[&none] };
            for key in refused {
                let answer = ask(&path, key).await;
                assert_eq!(answer.outcome(), (403, "insufficient_scope".to_owned()), "{operation}");
                let challenge = answer.header("www-authenticate").unwrap();
                assert!(challenge.starts_with("Bearer error=\"insufficient_scope\""), "{operation}: {challenge}");
            }
            for lacking in &wanted {
                let others = key(&app, &owner, &others(&app, lacking)).await;
                let answer = ask(&path, &others).await;
                // A batch may be called for the sake of other operations, and then creates nothing.
                assert_eq!(answer.outcome(), (403, "insufficient_scope".to_owned()), "{operation} without {lacking}");
                let challenge = answer.header("www-authenticate").unwrap();
                assert!(challenge.ends_with(&format!("scope=\"{lacking}\"")), "{operation}: {challenge}");
                revoke(&others).await;
            }
            if !wanted.is_empty() {
                let right = key(&app, &owner, &wanted).await;
                let answer = ask(&path, &right).await;
                // Nobody deletes notices.
                let is_right = answer.status.is_success() || operation == "delete_notices";
                assert!(is_right && answer.code() != "insufficient_scope", "{operation}: {}", answer.text());
                revoke(&right).await;
            }
        }
    })
    .await;
}
