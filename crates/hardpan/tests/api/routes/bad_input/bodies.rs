//! Bodies that are missing, not expected, too large, or of another type than JSON.
use std::time::Duration;

use serde_json::json;
use web::{Body, Method};

use super::{on_both_scenes, refused};

const MALFORMED: (u16, &str) = (400, "malformed_body");
const TOO_LARGE: (u16, &str) = (413, "body_too_large");
const WRONG_TYPE: (u16, &str) = (415, "unsupported_media_type");

#[tokio::test(flavor = "multi_thread")]
async fn no_body_where_one_is_needed_is_400() {
    on_both_scenes(async |scene| {
        for route in scene.with_body() {
            if matches!(route.body, Body::Json { is_optional: true, .. }) {
                continue;
            }
            refused(route, scene.bare(route), MALFORMED, "no body").await;
            refused(route, scene.bare(route).header("content-type", "application/json"), MALFORMED, "no body, typed")
                .await;
            refused(route, scene.bare(route).raw("application/json", "").streamed(), MALFORMED, "an empty stream")
                .await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_where_none_is_taken_is_400() {
    on_both_scenes(async |scene| {
        for route in scene.routes().filter(|route| matches!(route.body, Body::None)) {
            refused(route, scene.bare(route).json(&json!({})), MALFORMED, "{}").await;
            refused(route, scene.bare(route).untyped("x"), MALFORMED, "a byte").await;
            refused(route, scene.bare(route).untyped(" ").streamed(), MALFORMED, "a streamed byte").await;
            refused(route, scene.bare(route).untyped(vec![b'x'; 10_000_000]), MALFORMED, "10 MB").await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_megabytes_are_413_told_or_not() {
    on_both_scenes(async |scene| {
        let long = format!("{{\"a\": \"{}\"}}", "x".repeat(10_000_000));
        for route in scene.with_body() {
            let request = scene.bare(route).raw("application/json", long.clone());
            refused(route, request.clone(), TOO_LARGE, "10 MB").await;
            refused(route, request.streamed(), TOO_LARGE, "10 MB of unknown length").await;
            // What is refused for its type is not read at all.
            refused(route, scene.bare(route).raw("text/plain", long.clone()), WRONG_TYPE, "10 MB of text").await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_byte_past_the_bound_is_413_and_the_bound_itself_is_read() {
    on_both_scenes(async |scene| {
        for route in scene.with_body() {
            let bound = route.body_limit.unwrap_or(1_048_576);
            let padded = |length: usize| {
                let body = "{\"no_such_field\": 1}";
                scene.bare(route).raw("application/json", format!("{body}{}", " ".repeat(length - body.len())))
            };
            refused(route, padded(bound), (422, "invalid"), "as much as there may be").await;
            refused(route, padded(bound + 1), TOO_LARGE, "a byte too many").await;
            refused(route, padded(bound + 1).streamed(), TOO_LARGE, "a streamed byte too many").await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_values_than_a_body_may_hold_are_413() {
    on_both_scenes(async |scene| {
        let many = format!("{{\"a\": [{}0]}}", "0,".repeat(150_000));
        for route in scene.with_body() {
            refused(route, scene.bare(route).raw("application/json", many.clone()), TOO_LARGE, "150,000 numbers").await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_type_than_json_is_415() {
    on_both_scenes(async |scene| {
        for route in scene.with_body() {
            let body = scene.targets.body(route).unwrap().to_string();
            let mut types = vec![
                "",
                "json",
                "text/json",
                "text/plain",
                "application/xml",
                "application/jsonx",
                "application/json+x",
                "application/json, text/plain",
                "application/json; charset=utf-16",
                "application/x-www-form-urlencoded",
                "multipart/form-data; boundary=x",
            ];
            if route.method != Method::PATCH {
                types.push("application/merge-patch+json");
            }
            for content_type in types {
                refused(route, scene.bare(route).raw(content_type, body.clone()), WRONG_TYPE, content_type).await;
            }
            refused(route, scene.bare(route).untyped(body.clone()), WRONG_TYPE, "no type").await;
            let json = || scene.bare(route).raw("application/json", body.clone());
            refused(route, json().header("content-type", "text/plain"), WRONG_TYPE, "two types").await;
            refused(route, json().header("content-encoding", "gzip"), WRONG_TYPE, "gzip").await;
            let opaque = scene.bare(route).untyped(body.clone()).header_bytes("content-type", b"application/json\xff");
            refused(route, opaque, WRONG_TYPE, "a type that is no text").await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn json_is_known_by_its_type_however_it_is_written() {
    on_both_scenes(async |scene| {
        for route in scene.with_body() {
            let mut types =
                vec!["application/json; charset=utf-8", "Application/JSON ; Charset=\"UTF-8\"", "application/json;q=1"];
            if route.method == Method::PATCH {
                types.push("application/merge-patch+json");
            }
            for content_type in types {
                // Taken as JSON, and then refused for what is in it.
                let request = scene.bare(route).raw(content_type, "{\"no_such_field\": 1}");
                refused(route, request, (422, "invalid"), content_type).await;
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_to_very_many_mistakes_is_short() {
    on_both_scenes(async |scene| {
        let fields: Vec<String> = (0..3_000).map(|nth| format!("\"field_{nth}\": 0")).collect();
        let many = format!("{{{}}}", fields.join(","));
        for route in scene.with_body() {
            let request = scene.bare(route).raw("application/json", many.clone());
            let answer = refused(route, request, (422, "invalid"), "3,000 unknown fields").await;
            assert!(answer.body.len() < 64 * 1024, "{} answers {} bytes", route.operation.id, answer.body.len());
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_above_holds_a_server_up() {
    on_both_scenes(async |scene| {
        let route = scene.app.route("create_folders");
        let deep = "[".repeat(1_000_000);
        let all = tokio::time::timeout(Duration::from_secs(20), async {
            for _ in 0..20 {
                refused(
                    route,
                    scene.bare(route).raw("application/json", deep.clone()),
                    (400, "body_too_deep"),
                    "depth",
                )
                .await;
            }
        });
        all.await.unwrap();
    })
    .await;
}
