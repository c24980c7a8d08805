//! Bodies that are no JSON, or JSON that two readers could read differently.
use serde_json::json;

use super::{on_both_scenes, refused};

const MALFORMED: (u16, &str) = (400, "malformed_body");

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_json_is_400() {
    on_both_scenes(async |scene| {
        let bodies: [&[u8]; 27] = [
            b" ",
            b"\n",
            b"{",
            b"}",
            b"nope",
            b"{a: 1}",
            b"{'a': 1}",
            b"{\"a\" 1}",
            b"{\"a\": 1,}",
            b"[1,]",
            b"{}{}",
            b"{} x",
            b"{\"a\": NaN}",
            b"{\"a\": 01}",
            b"{\"a\": 1e999}",
            b"{\"a\": +1}",
            b"{\"a\": \"\n\"}",
            b"{\"a\": \"\\x41\"}",
            b"{\"a\": \"\\u12\"}",
            b"// {}",
            b"\xef\xbb\xbf{}",
            b"<xml/>",
            b"a=1&b=2",
            b"\0",
            b"{}\0",
            b"\x1f\x8b\x08\x00\x00",
            b"\xff\xfe{\x00}\x00",
        ];
        for route in scene.with_body() {
            for body in bodies {
                let request = scene.bare(route).raw("application/json", body);
                refused(route, request, MALFORMED, &body.escape_ascii().to_string()).await;
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn json_that_breaks_off_is_400_wherever_it_does() {
    on_both_scenes(async |scene| {
        for route in scene.with_body() {
            let mut whole = scene.targets.body(route).unwrap();
            whole["another"] = json!({"list": [1, "two", null]});
            let whole = whole.to_string();
            for length in 1..whole.len() {
                let request = scene.bare(route).raw("application/json", &whole.as_bytes()[..length]);
                refused(route, request, MALFORMED, &whole[..length]).await;
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn text_that_is_no_unicode_is_400() {
    on_both_scenes(async |scene| {
        let texts: [&[u8]; 10] = [
            b"\\ud800",
            b"\\udc00",
            b"\\ud800\\ud800",
            b"\\ud800x",
            b"\\udbff\\u0041",
            b"\xff",
            b"\xc0\x80",
            b"\xed\xa0\x80",
            b"\xf4\x90\x80\x80",
            b"caf\xe9",
        ];
        for route in scene.with_body() {
            for text in texts {
                let shown = text.escape_ascii().to_string();
                let value = [b"{\"name\": \"", text, b"\"}"].concat();
                refused(route, scene.bare(route).raw("application/json", value), MALFORMED, &shown).await;
                let name = [b"{\"", text, b"\": 1}"].concat();
                refused(route, scene.bare(route).raw("application/json", name), MALFORMED, &shown).await;
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_named_twice_is_400() {
    on_both_scenes(async |scene| {
        for route in scene.with_body() {
            let body = scene.targets.body(route).unwrap();
            let twice = |name: &str, again: &str| format!("{{\"{name}\": 1, \"{again}\": 1}}");
            let names = body.as_object().unwrap().keys();
            for text in names.map(|name| twice(name, name)).chain([
                twice("a", "a"),
                twice("a", "\\u0061"),
                "{\"data\": {\"a\": 1, \"a\": 2}}".to_owned(),
                "[{\"a\": 1, \"a\": 1}]".to_owned(),
            ]) {
                refused(route, scene.bare(route).raw("application/json", text.clone()), MALFORMED, &text).await;
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_levels_are_400() {
    on_both_scenes(async |scene| {
        let lists = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let objects = |depth: usize| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
        for route in scene.with_body() {
            for depth in [33, 100, 10_000] {
                let nested =
                    [lists(depth), objects(depth), format!("{{\"data\": {}}}", lists(depth)), "[".repeat(depth)];
                for body in nested {
                    let what = format!("{depth} of {}", &body[..10]);
                    // Where bodies are short, so many levels are too long first.
                    let is_long = body.len() > route.body_limit.unwrap_or(usize::MAX);
                    let outcome = if is_long { (413, "body_too_large") } else { (400, "body_too_deep") };
                    refused(route, scene.bare(route).raw("application/json", body), outcome, &what).await;
                }
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_no_object_is_422() {
    on_both_scenes(async |scene| {
        for route in scene.with_body() {
            for body in
                [json!([]), json!([{}]), json!("text"), json!(1), json!(1.5), json!(true), json!(null), json!("a\0")]
            {
                refused(route, scene.bare(route).json(&body), (422, "invalid"), &body.to_string()).await;
            }
        }
    })
    .await;
}
