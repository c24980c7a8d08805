//! API keys: `/auth/v1/api-keys`
use std::time::Duration;

use serde_json::{Value as Json, json};
use web::StatusCode;

use crate::support::{Audit, Key, Person, TestApp, on_both, on_both_with};

const PATH: &str = "/auth/v1/api-keys";

fn one(key: &Key) -> String {
    format!("{PATH}/{}", key.id)
}

async fn status(app: &TestApp, secret: &str, path: &str) -> u16 {
    app.get(path).bearer(secret).send().await.status.as_u16()
}

async fn documents(app: &TestApp, key: &Key) -> u16 {
    status(app, &key.secret, "/api/v1/documents").await
}

/// Runs SQL as nobody outside can.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_shown_once_used_both_ways_and_ended() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let mut audit = Audit::of(&app.db).await;
        let body = json!({"label": "backup", "scopes": ["documents:read", "*:create"], "requests_per_minute": 100});
        let answer = app.post(PATH, &body).bearer(&ann.token).send().await.expect(201);
        let made = answer.json();
        let key =
            Key { id: made["id"].as_str().unwrap().to_owned(), secret: made["secret"].as_str().unwrap().to_owned() };
        assert_eq!(answer.header("location"), Some(one(&key).as_str()));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        // hp_[0-7][0-9a-hjkmnp-tv-z]{72}
        let is_symbol =
            |symbol: char| symbol.is_ascii_digit() || symbol.is_ascii_lowercase() && !"ilou".contains(symbol);
        let rest = key.secret.strip_prefix("hp_").unwrap();
        assert!(rest.len() == 73 && rest.starts_with(['0', '1', '2', '3', '4', '5', '6', '7']));
        assert!(rest.chars().all(is_symbol), "{rest}");
        assert_eq!(format!("key_{}", &rest[..26]), key.id);
        let entry = audit.one().await;
        assert_eq!((entry.action.as_str(), entry.target("key")), ("api_key.created", key.id.clone()));
        assert_eq!(entry.after["scopes"], json!(["documents:read", "*:create"]));
        assert!(!entry.after.to_string().contains(&rest[26..66]), "a secret in the audit trail");

        let mut shown = app.get(&one(&key)).bearer(&ann.token).send().await.expect(200).json();
        assert_eq!(
            shown,
            json!({
                "id": key.id, "label": "backup", "scopes": ["documents:read", "*:create"], "addresses": [],
                "requests_per_minute": 100, "created_at": made["created_at"], "expires_at": null, "rotated_at": null,
                "previous_until": null, "last_used_at": null, "last_address": null,
            })
        );
        shown.as_object_mut().unwrap().insert("secret".to_owned(), json!(key.secret));
        assert_eq!(shown, made);

        app.get("/api/v1/documents").bearer(&key.secret).send().await.expect(200);
        app.get("/api/v1/documents").header("X-API-Key", &key.secret).send().await.expect(200);
        let made =
            app.post("/api/v1/folders", &json!({"name": "by a key"})).bearer(&key.secret).send().await.expect(201);
        assert_eq!(made.json()["owner_id"], json!(ann.id));
        let entry = audit.one().await;
        assert_eq!((entry.actor, entry.api_key, entry.session), (Some(ann.id.clone()), Some(key.id.clone()), None));

        // Noted behind the back of a request.
        let mut used = Json::Null;
        while used.is_null() {
            used = app.get(&one(&key)).bearer(&ann.token).send().await.expect(200).json()["last_used_at"].clone();
        }
        app.delete(&one(&key)).bearer(&ann.token).send().await.expect(204);
        assert_eq!(audit.one().await.action, "api_key.revoked");
        assert_eq!(documents(&app, &key).await, 401);
        app.delete(&one(&key)).bearer(&ann.token).send().await.expect_problem(404, "not_found");
        let page = app.get(PATH).bearer(&ann.token).send().await.expect(200).json();
        assert_eq!(page, json!({"items": [], "next": null}));
    })
    .await;
}

/// CVE-2025-61928 (better-auth): whoever was not logged in made keys for anyone by naming them in the body.
#[tokio::test(flavor = "multi_thread")]
async fn cve_2025_61928_keys_are_made_for_the_caller_alone() {
    on_both(async |app| {
        let (ann, bob) = (app.register("ann@example.com").await, app.register("bob@example.com").await);
        for name in ["userId", "user_id", "owner_id"] {
            let mut body = json!({"label": "x", "scopes": ["*:*"]});
            body.as_object_mut().unwrap().insert(name.to_owned(), json!(ann.id));
            app.post(PATH, &body).send().await.expect_problem(401, "unauthenticated");
            app.post(PATH, &body).bearer(&bob.token).send().await.expect_problem(422, "invalid");
        }
        let page = app.get(PATH).bearer(&ann.token).send().await.expect(200).json();
        assert_eq!(page["items"], json!([]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn making_keys_wants_a_fresh_log_in_and_a_live_session() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let key = app.api_key(&ann, &["documents:read"]).await;
        app.advance(Duration::from_secs(301));
        let body = json!({"label": "x", "scopes": ["*:*"]});
        let rotate = format!("{}/rotate", one(&key));
        app.post(PATH, &body).bearer(&ann.token).send().await.expect_problem(401, "fresh_login_required");
        app.post(&rotate, &json!({})).bearer(&ann.token).send().await.expect_problem(401, "fresh_login_required");
        let again = app.login(&ann.email).await;
        app.post(PATH, &body).bearer(&again.token).send().await.expect(201);
        app.post(&rotate, &json!({})).bearer(&again.token).send().await.expect(200);
        // Ending needs none: who fears for a key must be quick.
        app.delete(&one(&key)).bearer(&ann.token).send().await.expect(204);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn scopes_name_what_is_declared() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let none = app.post(PATH, &json!({"label": "x", "scopes": []})).bearer(&ann.token).send().await;
        assert_eq!(none.expect_problem(422, "invalid").errors(), [("scopes".to_owned(), "too_short".to_owned())]);
        let scopes = ["documents:read", "users:read", "documents:write", "folders", "*:*", "account:delete"];
        let body = json!({"label": "x", "scopes": scopes, "addresses": ["10.0.0.0/8", "home"], "expires_at": "2001-01-01T00:00:00Z"});
        let answer = app.post(PATH, &body).bearer(&ann.token).send().await.expect_problem(422, "invalid");
        let error = |field: &str, code: &str| (field.to_owned(), code.to_owned());
        assert_eq!(answer.errors(), [
            error("scopes[1]", "unknown_scope"),
            error("scopes[2]", "unknown_scope"),
            error("scopes[3]", "unknown_scope"),
            error("scopes[5]", "unknown_scope"),
            error("addresses[1]", "format"),
            error("expires_at", "past"),
        ]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_does_no_more_than_its_owner_and_what_ends_them_ends_it() {
    on_both(async |app| {
        let admin = app.person("admin@example.com", &["admin"]).await;
        let ann = app.register("ann@example.com").await;
        let bob = app.person("bob@example.com", &["reader"]).await;
        let document = TestApp::path("documents", &app.create("documents", &ann, &json!({"title": "a"})).await);
        let key = app.api_key(&bob, &["*:*", "account:read"]).await;
        let other = app.another_node().await;
        let both = async || {
            let there = app.get(&document).bearer(&key.secret).through(&other.app).send().await.status.as_u16();
            (status(&app, &key.secret, &document).await, there)
        };
        assert_eq!(both().await, (200, 200));
        app.patch(&document, &json!({"title": "b"})).bearer(&key.secret).send().await.expect(200);
        app.delete(&document).bearer(&key.secret).send().await.expect_problem(403, "forbidden");
        // A role goes: at once here, within a second there.
        let roles = format!("/admin/v1/users/{}/roles", bob.id);
        app.put(&roles, &json!({"roles": []})).bearer(&admin.token).send().await.expect(200);
        assert_eq!(both().await.0, 404);
        app.advance(Duration::from_secs(1));
        assert_eq!(both().await, (404, 404));
        assert_eq!(status(&app, &key.secret, "/auth/v1/me").await, 200);
        app.set_state(&admin, &bob, "suspended").send().await.expect(200);
        assert_eq!(both().await.0, 401);
        app.advance(Duration::from_secs(1));
        assert_eq!(both().await, (401, 401));
        app.set_state(&admin, &bob, "active").send().await.expect(200);
        app.advance(Duration::from_secs(1));
        assert_eq!(both().await, (404, 404));
        let bob = app.login(&bob.email).await;
        app.delete("/auth/v1/me").bearer(&bob.token).send().await.expect(204);
        assert_eq!(both().await.0, 401);
        app.advance(Duration::from_secs(1));
        assert_eq!(both().await, (401, 401));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rotation_ends_the_old_secret_at_once_or_after_the_overlap() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let first = app.api_key(&ann, &["documents:read"]).await;
        let rotate = async |body: Json| {
            let answer =
                app.post(&format!("{}/rotate", one(&first)), &body).bearer(&ann.token).send().await.expect(200);
            let secret = answer.json()["secret"].as_str().unwrap().to_owned();
            Key { id: first.id.clone(), secret }
        };
        let second = rotate(json!({"overlap_seconds": 120})).await;
        assert_eq!((documents(&app, &first).await, documents(&app, &second).await), (200, 200));
        // The secret before that is past, whatever was left of its time.
        let third = rotate(json!({"overlap_seconds": 120})).await;
        assert_eq!(documents(&app, &first).await, 401);
        assert_eq!((documents(&app, &second).await, documents(&app, &third).await), (200, 200));
        app.advance(Duration::from_secs(119));
        assert_eq!(documents(&app, &second).await, 200);
        app.advance(Duration::from_secs(1));
        assert_eq!((documents(&app, &second).await, documents(&app, &third).await), (401, 200));
        let fourth = rotate(json!({})).await;
        assert_eq!((documents(&app, &third).await, documents(&app, &fourth).await), (401, 200));
        let too_long = json!({"overlap_seconds": 7 * 24 * 3600 + 1});
        let path = format!("{}/rotate", one(&first));
        app.post(&path, &too_long).bearer(&ann.token).send().await.expect_problem(422, "invalid");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_expires_and_a_rotation_may_give_it_new_time() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let at = |seconds| json!(app.db.ctx().now().plus(Duration::from_secs(seconds)));
        let body = json!({"label": "x", "scopes": ["documents:read"], "expires_at": at(60)});
        let key = app.api_key_with(&ann, &body).await;
        app.advance(Duration::from_secs(59));
        assert_eq!(documents(&app, &key).await, 200);
        app.advance(Duration::from_secs(1));
        assert_eq!(documents(&app, &key).await, 401);
        let rotate = |body: Json| app.post(&format!("{}/rotate", one(&key)), &body).bearer(&ann.token);
        rotate(json!({})).send().await.expect_problem(422, "invalid");
        let renewed = rotate(json!({"expires_at": at(60)})).send().await.expect(200).json();
        assert_eq!(status(&app, renewed["secret"].as_str().unwrap(), "/api/v1/documents").await, 200);
        assert_eq!(documents(&app, &key).await, 401);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_good_from_its_addresses_alone() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let body = json!({"label": "x", "scopes": ["documents:read"], "addresses": ["10.0.0.0/8", "2001:db8::/32", "192.0.2.7"]});
        let key = app.api_key_with(&ann, &body).await;
        let mut seen = Vec::new();
        for (address, expected) in [
            ("10.255.0.1", 200),
            ("::ffff:10.255.0.1", 200),
            ("11.0.0.1", 401),
            ("2001:db8:ffff::1", 200),
            ("2001:db9::1", 401),
            ("192.0.2.7", 200),
            ("192.0.2.8", 401),
        ] {
            let answer = app.get("/api/v1/documents").bearer(&key.secret).peer(address).send().await;
            seen.push((address, answer.status.as_u16(), expected));
        }
        assert!(seen.iter().all(|(_, status, expected)| status == expected), "{seen:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_has_a_limit_of_its_own() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let body = json!({"label": "x", "scopes": ["documents:read"], "requests_per_minute": 2});
        let key = app.api_key_with(&ann, &body).await;
        let free = app.api_key(&ann, &["documents:read"]).await;
        let ask = || app.get("/api/v1/documents").bearer(&key.secret);
        let answer = ask().send().await.expect(200);
        assert!(answer.header("ratelimit-policy").unwrap().contains("\"api_key\";q=2;w=60"));
        assert!(answer.header("ratelimit").unwrap().contains("\"api_key\";r=1;t=30"));
        ask().send().await.expect(200);
        let refused = ask().send().await.expect_problem(429, "rate_limited");
        assert_eq!(
            (refused.header("retry-after"), &refused.json()["violated-policies"]),
            (Some("30"), &json!(["api_key"]))
        );
        assert_eq!(documents(&app, &free).await, 200);
        assert!(app.is_in(&ann.token).await);
        app.advance(Duration::from_secs(30));
        ask().send().await.expect(200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_limit_of_a_key_refuses_costs_its_owner_nothing() {
    on_both_with(&[("HARDPAN_LIMITS__PRINCIPAL__BURST", "10")], async |app| {
        let ann = app.register("ann@example.com").await;
        let body = json!({"label": "x", "scopes": ["documents:read"], "requests_per_minute": 2});
        let key = app.api_key_with(&ann, &body).await;
        let mut answered = Vec::new();
        for _ in 0..20 {
            answered.push(documents(&app, &key).await);
        }
        assert_eq!((&answered[..2], &answered[2..]), (&[200; 2][..], &[429; 18][..]));
        let me = app.get("/auth/v1/me").bearer(&ann.token).send().await.expect(200);
        // Ten, but for making the key, using it twice, and this.
        assert!(me.header("ratelimit").unwrap().contains("\"principal\";r=6"), "{:?}", me.header("ratelimit"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_do_not_mix() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let key = app.api_key(&ann, &["documents:read"]).await;
        let last = key.secret.len() - 1;
        let changed = format!("{}{}", &key.secret[..last], if key.secret.ends_with('0') { "1" } else { "0" });
        let list = || app.get("/api/v1/documents");
        for request in [
            list().header("x-api-key", &key.secret).bearer(&ann.token),
            list().header("x-api-key", &key.secret).bearer(&key.secret),
            list().header("x-api-key", &key.secret).header("x-api-key", &key.secret),
            list().header("x-api-key", &ann.token),
            list().header("x-api-key", ""),
            list().header("x-api-key", &changed),
            list().bearer(&changed),
            list().bearer(&key.secret.to_uppercase()),
            list().bearer("hp_"),
            list().bearer(&format!("hp_{}", &ann.token)),
        ] {
            request.send().await.expect_problem(401, "invalid_token");
        }
        assert_eq!(list().bearer(&format!(" {}", key.secret)).send().await.status, StatusCode::OK);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_see_and_end_the_keys_of_others() {
    on_both(async |app| {
        let admin = app.person("admin@example.com", &["admin"]).await;
        let ann = app.register("ann@example.com").await;
        let keys = [app.api_key(&ann, &["documents:read"]).await, app.api_key(&ann, &["documents:read"]).await];
        let path = format!("/admin/v1/users/{}/api-keys", ann.id);
        let page = app.get(&path).bearer(&admin.token).send().await.expect(200).json();
        assert_eq!(page["items"].as_array().unwrap().len(), 2);
        assert!(!page.to_string().contains(&keys[0].secret) && !page.to_string().contains("hp_"));
        let mut audit = Audit::of(&app.db).await;
        app.delete(&format!("{path}/{}", keys[0].id)).bearer(&admin.token).send().await.expect(204);
        let entry = audit.one().await;
        assert_eq!((entry.action.as_str(), entry.actor), ("api_key.revoked", Some(admin.id.clone())));
        assert_eq!((documents(&app, &keys[0]).await, documents(&app, &keys[1]).await), (401, 200));
        let own = app.api_key(&admin, &["documents:read"]).await;
        app.delete(&format!("{path}/{}", own.id)).bearer(&admin.token).send().await.expect_problem(404, "not_found");
        app.delete(&path).bearer(&admin.token).send().await.expect(204);
        assert_eq!((documents(&app, &keys[1]).await, documents(&app, &own).await), (401, 200));
        let own_path = format!("{PATH}/{}", own.id);
        app.get(&own_path).bearer(&ann.token).send().await.expect_problem(404, "not_found");
        app.delete(&own_path).bearer(&ann.token).send().await.expect_problem(404, "not_found");
        app.delete(PATH).bearer(&admin.token).send().await.expect(204);
        assert_eq!(documents(&app, &own).await, 401);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_has_so_many_keys_and_no_more() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        for _ in 0..100 {
            app.api_key(&ann, &["*:*"]).await;
        }
        let body = json!({"label": "x", "scopes": ["*:*"]});
        app.post(PATH, &body).bearer(&ann.token).send().await.expect_problem(409, "too_many");
    })
    .await;
}

/// What a key may not read it meets nowhere: not along a reference, not in a filter, not as the target of a reference.
#[tokio::test(flavor = "multi_thread")]
async fn scopes_hold_for_what_comes_along() {
    on_both(async |app| {
        let ann: Person = app.register("ann@example.com").await;
        let folder = app.create("folders", &ann, &json!({"name": "secret plans"})).await;
        let body = json!({"title": "a", "folder": folder["id"], "slug": "s"});
        let document = app.create("documents", &ann, &body).await;
        let key = app.api_key(&ann, &["documents:*"]).await;
        let wide = app.api_key(&ann, &["documents:*", "folders:read"]).await;
        let get = |path: &str, key: &Key| app.get(path).bearer(&key.secret);
        for path in
            ["/api/v1/documents?expand=folder".to_owned(), TestApp::path("documents", &document) + "?expand=folder"]
        {
            let answer = get(&path, &key).send().await.expect_problem(403, "insufficient_scope");
            assert!(answer.header("www-authenticate").unwrap().ends_with("scope=\"folders:read\""));
            get(&path, &wide).send().await.expect(200);
        }
        let filter = "/api/v1/documents?filter=record.folder.name.startsWith('secret')";
        let found =
            async |key: &Key| get(filter, key).send().await.expect(200).json()["items"].as_array().unwrap().len();
        assert_eq!((found(&key).await, found(&wide).await), (0, 1));
        let create = |key: &Key, slug: &str| {
            let body = json!({"title": "b", "folder": folder["id"], "slug": slug});
            app.post("/api/v1/documents", &body).bearer(&key.secret)
        };
        let answer = create(&key, "t").send().await.expect_problem(422, "invalid");
        assert_eq!(answer.errors(), [("folder".to_owned(), "not_found".to_owned())]);
        create(&wide, "t").send().await.expect(201);

        // An upsert changes nothing with a key that may only create, and a batch does none of what it may not.
        let maker = app.api_key(&ann, &["documents:create"]).await;
        let upsert = |key: &Key| {
            app.post("/api/v1/documents?upsert=slug", &json!({"title": "c", "slug": "s"})).bearer(&key.secret)
        };
        upsert(&maker).send().await.expect_problem(409, "unique_violation");
        upsert(&key).send().await.expect(200);
        let batch = |body: Json| app.post("/api/v1/documents/batch", &body).bearer(&maker.secret);
        let id = &document["id"];
        for body in [
            json!({"create": [{"title": "x"}], "update": [{"id": id, "changes": {"title": "x"}}]}),
            json!({"create": [{"title": "x"}], "delete": [id]}),
        ] {
            batch(body).send().await.expect_problem(403, "insufficient_scope");
        }
        batch(json!({"create": [{"title": "x"}]})).send().await.expect(200);
    })
    .await;
}

/// What a person did under an idempotency key is not told again to a key of theirs that may see less.
#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_is_the_credentials_own() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let key = app.api_key(&ann, &["documents:create"]).await;
        let create = || app.post("/api/v1/documents", &json!({"title": "a"})).header("idempotency-key", "k");
        let first = create().bearer(&ann.token).send().await.expect(201).json();
        let by_key = create().bearer(&key.secret).send().await.expect(201);
        assert_ne!(by_key.json()["id"], first["id"]);
        let again = create().bearer(&key.secret).send().await.expect(201);
        assert_eq!(again.json()["id"], by_key.json()["id"]);
    })
    .await;
}
