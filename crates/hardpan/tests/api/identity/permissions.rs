//! `[roles.NAME]` of the app file: what a role permits, and nothing else
use std::time::Duration;

use kernel::Permission;
use serde_json::json;
use web::{Access, Method};

use crate::{
    routes::expected,
    support::{Authenticator, Person, Targets, TestApp, on_both_apps},
};

const ROLES: &str = r#"
[roles.reader]
[roles.support]
description = "Answers the telephone"
permissions = ["users:read", "sessions:manage"]
[roles.viewer]
permissions = ["users:read"]
[roles.keeper]
permissions = ["roles:manage", "users:read"]
[roles.guard]
permissions = ["users:read"]
requires_mfa = true
[roles.admin]
requires_mfa = false
"#;

async fn on_both(test: impl AsyncFn(TestApp)) {
    on_both_apps(ROLES, &[], test).await;
}

/// A role of one permission.
fn role_of(permission: Permission) -> String {
    format!("only_{}", permission.as_str().replace(':', "_"))
}

#[tokio::test(flavor = "multi_thread")]
async fn each_permission_opens_the_routes_that_declare_it_and_no_others() {
    let declared = Permission::ALL
        .map(|permission| format!("[roles.{}]\npermissions = [\"{}\"]\n", role_of(permission), permission.as_str()));
    let roles = format!("{ROLES}\n{}", declared.concat());
    on_both_apps(&roles, &[("HARDPAN_SERVER__DOCS", "administrators")], async |app| {
        let admin = app.person("admin@example.com", &["admin"]).await;
        let owner = app.register("owner@example.com").await;
        let targets = Targets::new(&app, &owner, &admin).await;
        let nobody = app.register("stranger@example.com").await;
        let routes = app.routes().iter().filter(|route| {
            let is_guarded = matches!(route.access, Access::Permission(_));
            assert!(is_guarded || !route.path.starts_with("/admin/"), "{} asks for no permission", route.path);
            is_guarded
        });
        let routes: Vec<_> = routes.collect();
        assert!(routes.len() > 8, "{}", routes.len());
        for permission in Permission::ALL {
            let holder = app.person(&format!("{permission:?}@example.com"), &[&role_of(permission)]).await;
            for route in &routes {
                let request = targets.request(&app, route);
                request.clone().bearer(&nobody.token).send().await.expect_problem(403, "forbidden");
                let answer = request.bearer(&holder.token).send().await;
                let is_opened = route.access == Access::Permission(permission);
                let [.., as_administrator] = expected(&route.operation.id).unwrap();
                let status = if is_opened { as_administrator } else { 403 };
                assert_eq!(answer.status, status, "{permission:?} {}: {}", route.operation.id, answer.text());
            }
        }
        // What `health` shows more of is no route of its own.
        for permission in Permission::ALL {
            let holder = app.login(&format!("{permission:?}@example.com")).await;
            let health = app.get("/health").bearer(&holder.token).send().await.expect(200).json();
            assert_eq!(health.get("parts").is_some(), permission == Permission::ReadHealthDetail, "{health}");
        }
    })
    .await;
}

async fn set(app: &TestApp, by: &Person, person: &Person, roles: &[&str]) -> (u16, String) {
    let path = format!("/admin/v1/users/{}/roles", person.id);
    app.request(Method::PUT, &path).json(&json!({"roles": roles})).bearer(&by.token).send().await.outcome()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permission_is_held_with_the_next_request_and_gone_with_the_next() {
    on_both(async |app| {
        let admin = app.person("admin@example.com", &["admin"]).await;
        let bob = app.register("bob@example.com").await;
        let see = async |path: &str| app.get(path).bearer(&bob.token).send().await.status.as_u16();
        let sessions = format!("/admin/v1/users/{}/sessions", bob.id);
        assert_eq!((see("/admin/v1/users").await, see(&sessions).await), (403, 403));
        for _ in 0..3 {
            assert_eq!(set(&app, &admin, &bob, &["support"]).await.0, 200);
            assert_eq!((see("/admin/v1/users").await, see(&sessions).await), (200, 200));
            assert_eq!(set(&app, &admin, &bob, &["viewer", "reader"]).await.0, 200);
            assert_eq!((see("/admin/v1/users").await, see(&sessions).await), (200, 403));
            assert_eq!(set(&app, &admin, &bob, &[]).await.0, 200);
            assert_eq!((see("/admin/v1/users").await, see(&sessions).await), (403, 403));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_wants_a_second_factor_permits_nothing_without() {
    on_both(async |app| {
        let guard = app.person("guard@example.com", &["guard"]).await;
        let refused = app.get("/admin/v1/users").bearer(&guard.token).send().await;
        refused.expect_problem(401, "fresh_login_required");
        let (_, guard) = Authenticator::confirmed(&app, &guard).await;
        app.get("/admin/v1/users").bearer(&guard.token).send().await.expect(200);
        app.advance(Duration::from_mins(50));
        app.get("/admin/v1/users").bearer(&guard.token).send().await.expect(200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_manages_roles_gives_and_takes_those_they_hold_and_no_others() {
    on_both(async |app| {
        let admin = app.person("admin@example.com", &["admin"]).await;
        app.person("other@example.com", &["admin"]).await;
        let keeper = app.person("keeper@example.com", &["keeper", "viewer"]).await;
        let bob = app.register("bob@example.com").await;
        assert_eq!(set(&app, &keeper, &bob, &["viewer"]).await.0, 200);
        let forbidden = (403, "forbidden".to_owned());
        // `reader` has no permissions and `guard` those of `viewer`: what rules let them do with records is power, too.
        for role in ["reader", "guard", "support", "admin"] {
            assert_eq!(set(&app, &keeper, &bob, &["viewer", role]).await, forbidden, "{role}");
            assert_eq!(set(&app, &keeper, &keeper, &["keeper", "viewer", role]).await, forbidden, "{role}");
            assert_eq!(set(&app, &admin, &bob, &["viewer", role]).await.0, 200);
            assert_eq!(set(&app, &keeper, &bob, &["viewer"]).await, forbidden, "{role}");
            assert_eq!(set(&app, &admin, &bob, &["viewer"]).await.0, 200);
        }
        assert_eq!(set(&app, &keeper, &bob, &[]).await.0, 200);
        assert_eq!(set(&app, &keeper, &admin, &[]).await, forbidden);
        assert_eq!(set(&app, &admin, &bob, &["support"]).await.0, 200);
        assert_eq!(set(&app, &keeper, &bob, &[]).await, forbidden);
        // A role that nobody declared is none.
        assert_eq!(set(&app, &admin, &bob, &["supporter"]).await, (422, "invalid".to_owned()));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_roles_are_listed_with_what_they_permit() {
    on_both(async |app| {
        let keeper = app.person("keeper@example.com", &["keeper"]).await;
        let listed = app.get("/admin/v1/roles").bearer(&keeper.token).send().await.expect(200).json();
        let names: Vec<_> = listed["items"].as_array().unwrap().iter().map(|role| role["name"].clone()).collect();
        assert_eq!(names, ["admin", "guard", "keeper", "reader", "support", "viewer"]);
        let all = Permission::ALL.map(Permission::as_str);
        let admin = json!({"name": "admin", "description": null, "permissions": all, "requires_mfa": false});
        assert_eq!((&listed["items"][0], &listed["next"]), (&admin, &json!(null)));
        let support = json!({
            "name": "support", "description": "Answers the telephone",
            "permissions": ["users:read", "sessions:manage"], "requires_mfa": false,
        });
        assert_eq!(listed["items"][4], support);
        assert_eq!(listed["items"][1]["requires_mfa"], true);
    })
    .await;
}
