//! Fields that are unknown, missing, null, or of the wrong type, one at a time and by name.
use kernel::schema::{Kind, Schema};
use serde_json::{Value as Json, json};
use web::{Body, Route};

use super::{Scene, on_both_scenes, refused};
use crate::support::{valid, valid_body, wrong};

const INVALID: (u16, &str) = (422, "invalid");

fn schema(route: &Route) -> &Schema {
    match &route.body {
        Body::Json { schema, .. } | Body::Record { schema } => schema,
        Body::None => panic!("{} takes no body", route.operation.id),
    }
}

/// Panics unless `body` is refused for `field` alone.
async fn refused_for(scene: &Scene, route: &Route, body: &Json, field: &str, code: &str) {
    let shown: String = body.to_string().chars().take(300).collect();
    let answer = refused(route, scene.bare(route).header("if-match", "*").json(body), INVALID, &shown).await;
    assert_eq!(answer.errors(), [(field.to_owned(), code.to_owned())], "{} with {shown}", route.operation.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_is_not_declared_is_422() {
    on_both_scenes(async |scene| {
        for route in scene.with_body() {
            let long = "x".repeat(70);
            for (name, shown) in
                [("no_such_field", "no_such_field"), ("", ""), ("a\0", "a\0"), ("é", "é"), (&long, &long[..64])]
            {
                let mut body = valid_body(schema(route), 0);
                body[name] = json!(1);
                refused_for(scene, route, &body, shown, "unknown_field").await;
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_sets_cannot_be_sent() {
    on_both_scenes(async |scene| {
        let of_a_record = ["id", "owner_id", "created_at", "updated_at", "version", "deleted_at"];
        let of_an_account =
            ["roles", "state", "password_hash", "email_key", "email_verified", "is_admin", "created_at"];
        for route in scene.with_body() {
            let is_record = route.path.starts_with("/api/");
            for name in if is_record { &of_a_record[..] } else { &of_an_account[..] } {
                if schema(route).fields.iter().any(|field| field.name == *name) {
                    continue;
                }
                let mut body = valid_body(schema(route), 0);
                body[name] = json!(scene.administrator.id);
                refused_for(scene, route, &body, name, "unknown_field").await;
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_required_field_that_is_missing_is_422() {
    on_both_scenes(async |scene| {
        let mut tried = 0;
        for route in scene.with_body() {
            for field in schema(route).fields.iter().filter(|field| field.is_required) {
                let mut body = valid_body(schema(route), 0);
                body.as_object_mut().unwrap().remove(&*field.name);
                refused_for(scene, route, &body, &field.name, "missing").await;
                tried += 1;
            }
        }
        assert!(tried >= 7, "only {tried} required fields were found");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn null_where_it_is_no_value_is_422() {
    on_both_scenes(async |scene| {
        for route in scene.with_body() {
            for field in &schema(route).fields {
                // Where null is a value, it is one of the profile's or record's own.
                if field.is_nullable || matches!(field.kind, Kind::Json { .. }) {
                    continue;
                }
                let mut body = valid_body(schema(route), 0);
                body[&*field.name] = Json::Null;
                let answer = refused(route, scene.bare(route).json(&body), INVALID, &body.to_string()).await;
                let fields: Vec<String> = answer.errors().into_iter().map(|(field, _)| field).collect();
                assert_eq!(fields, [&*field.name], "{}", route.operation.id);
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_a_field_does_not_take_is_422() {
    on_both_scenes(async |scene| {
        for route in scene.with_body() {
            for field in &schema(route).fields {
                for (value, code) in wrong(field) {
                    let mut body = valid_body(schema(route), 0);
                    body[&*field.name] = value;
                    refused_for(scene, route, &body, &field.name, code).await;
                }
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_wrong_field_is_named_at_once() {
    on_both_scenes(async |scene| {
        for route in scene.with_body() {
            let schema = schema(route);
            let wrong_of = |field| wrong(field).into_iter().next().map_or(json!([]), |(value, _)| value);
            let fields = schema.fields.iter().filter(|field| !wrong(field).is_empty());
            let mut body =
                Json::Object(fields.clone().map(|field| (field.name.to_string(), wrong_of(field))).collect());
            body["no_such_field"] = json!(1);
            let answer = refused(route, scene.bare(route).json(&body), INVALID, "everything wrong").await;
            let mut named: Vec<String> = answer.errors().into_iter().map(|(field, _)| field).collect();
            let mut sent: Vec<String> = body.as_object().unwrap().keys().cloned().collect();
            named.sort();
            sent.sort();
            assert_eq!(named, sent, "{}", route.operation.id);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_inside_a_list_is_named_by_its_place() {
    on_both_scenes(async |scene| {
        let route = scene.app.route("set_user_roles");
        for (item, code) in
            [(json!(1), "wrong_type"), (json!(null), "wrong_type"), (json!(""), "too_short"), (json!("a\0"), "nul")]
        {
            refused_for(scene, route, &json!({"roles": ["admin", item]}), "roles[1]", code).await;
        }
        refused_for(scene, route, &json!({"roles": ["no_such_role"]}), "roles[0]", "unknown_role").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_generator_knows_a_wrong_value_for_every_kind_in_use() {
    on_both_scenes(async |scene| {
        let mut kinds = 0;
        for field in scene.with_body().flat_map(|route| &schema(route).fields) {
            let wrongs = wrong(field);
            assert!(!wrongs.is_empty(), "nothing is wrong for {field:?}");
            for (value, _) in wrongs {
                assert!(field.kind.parse(&value).is_err(), "{value} is taken by {field:?}");
            }
            assert!(field.kind.parse(&valid(&field.kind, 1)).is_ok(), "{field:?}");
            kinds += 1;
        }
        assert!(kinds > 30);
    })
    .await;
}
