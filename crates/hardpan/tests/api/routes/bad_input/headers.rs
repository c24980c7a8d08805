//! Request headers that are wrong or overlong.
use super::{on_both_scenes, refused};

#[tokio::test(flavor = "multi_thread")]
async fn an_if_match_that_is_no_list_of_tags_is_400() {
    on_both_scenes(async |scene| {
        let mut tried = 0;
        for route in scene.routes().filter(|route| route.takes_if_match()) {
            let request = || match scene.targets.body(route) {
                Some(body) => scene.bare(route).json(&body),
                None => scene.bare(route),
            };
            let bad: [&[u8]; 13] = [
                b"",
                b"1",
                b"abc",
                b"\"1",
                b"1\"",
                b"\"\"1\"\"",
                b"W/1",
                b"w/\"1\"",
                b"*,*",
                b"*, \"1\"",
                b"\"1\" \"2\"",
                b"\"1\"; x",
                b"\"\xff",
            ];
            for header in bad {
                let shown = header.escape_ascii().to_string();
                refused(route, request().header_bytes("if-match", header), (400, "bad_header"), &shown).await;
            }
            tried += 1;
        }
        assert!(tried >= 11, "{tried} routes honour If-Match");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_if_match_that_names_another_version_is_412() {
    on_both_scenes(async |scene| {
        for route in scene.routes().filter(|route| route.takes_if_match()) {
            // Nobody may delete a notice, whatever its version.
            if route.operation.id == "delete_notices" {
                continue;
            }
            let request = || match scene.targets.body(route) {
                Some(body) => scene.bare(route).json(&body),
                None => scene.bare(route),
            };
            let long = format!("\"{}\"", "9".repeat(10_000));
            // Entity tags are compared byte by byte: what counts as the same number is another tag.
            for header in [
                "\"999\"",
                "\"0\"",
                "\"-1\"",
                "\"\"",
                "\"x\"",
                "W/\"1\"",
                "\"999\", W/\"1\"",
                "\"01\"",
                "\"+1\"",
                "\" 1\"",
                "\"1.0\"",
                &long,
            ] {
                refused(route, request().header("if-match", header), (412, "version_mismatch"), header).await;
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_may_hold_a_comma() {
    on_both_scenes(async |scene| {
        for operation in ["update_folders", "delete_folders", "update_me"] {
            let route = scene.app.route(operation);
            let request = match scene.targets.body(route) {
                Some(body) => scene.bare(route).json(&body),
                None => scene.bare(route),
            };
            // RFC 9110, 8.8.3: every visible character but the quote.
            refused(route, request.header("if-match", "\"a,b\""), (412, "version_mismatch"), "a comma").await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_without_the_version_it_needs_is_428() {
    on_both_scenes(async |scene| {
        for operation in ["update_settings", "delete_settings"] {
            let route = scene.app.route(operation);
            let request = match scene.targets.body(route) {
                Some(body) => scene.bare(route).json(&body),
                None => scene.bare(route),
            };
            refused(route, request, (428, "version_required"), "no If-Match").await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_id_that_is_junk_is_replaced() {
    on_both_scenes(async |scene| {
        let long = "x".repeat(129);
        let junk: [&[u8]; 9] =
            [b"", b"a b", b"<script>", b"a/b", b"\xff\xfe", b"a\tb", b"a;b", "é".as_bytes(), long.as_bytes()];
        for sent in junk {
            let answer = scene.app.get("/livez").header_bytes("x-request-id", sent).send().await.expect(200);
            assert_ne!(answer.header("x-request-id").unwrap().as_bytes(), sent);
            let problem = scene.app.get("/nowhere").header_bytes("x-request-id", sent).send().await.expect(404);
            assert_ne!(problem.json()["request_id"].as_str().unwrap().as_bytes(), sent);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn overlong_and_odd_headers_harm_nobody() {
    on_both_scenes(async |scene| {
        let long = "x".repeat(100_000);
        for name in [
            "user-agent",
            "accept",
            "accept-language",
            "cookie",
            "referer",
            "x-forwarded-for",
            "x-csrf-token",
            "origin",
            "if-none-match",
            "idempotency-key",
            "forwarded",
            "range",
            "te",
            "upgrade",
        ] {
            for value in [long.as_bytes(), b"", b"\xff\xfe", b"a=b; hardpan_access=\xff; c", b"null", b"*", b",,,"] {
                let request = scene.app.get("/auth/v1/me").bearer(&scene.administrator.token).header_bytes(name, value);
                request.send().await.expect(200);
                let request = scene.app.get("/api/v1/notices").header_bytes(name, value);
                request.send().await.expect(200);
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_method_cannot_be_overridden_by_a_header() {
    on_both_scenes(async |scene| {
        let route = scene.app.route("get_me");
        for name in ["x-http-method-override", "x-http-method", "x-method-override"] {
            scene.bare(route).header(name, "DELETE").send().await.expect(200);
        }
        for name in ["x-original-url", "x-rewrite-url", "x-forwarded-path", "x-forwarded-prefix"] {
            let answer = scene.bare(route).header(name, "/admin/v1/users").send().await.expect(200);
            assert_eq!(answer.json()["id"], scene.administrator.id);
        }
    })
    .await;
}
