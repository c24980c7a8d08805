//! HTTP of one's own API keys.
use std::borrow::Cow;

use kernel::{
    Code, Result, StepUp,
    schema::{Field, Kind, Schema},
};
use serde::Serialize;
use web::{Call, Method, Reply, Route, Routes, StatusCode};

use super::{
    model::{ADDRESSES_MAX, ApiKey, IssuedApiKey, LABEL_MAX, NewApiKey, OVERLAP_MAX, Rotation, SCOPE_MAX, SCOPES_MAX},
    service::ApiKeys,
};
use crate::cursor;

const TAG: &str = "API keys";
const PATH: &str = "/auth/v1/api-keys";
const ONE: &str = "/auth/v1/api-keys/{id}";

pub fn routes(keys: &ApiKeys) -> Routes {
    vec![
        Route::new(Method::GET, PATH, "list_api_keys", keys, list)
            .query(cursor::query())
            .summary(TAG, "One's own API keys, newest first")
            .answers(StatusCode::OK, "A page of keys", Some(cursor::page_schema(api_key_schema())))
            .errors(&[Code::BadCursor]),
        Route::new(Method::POST, PATH, "create_api_key", keys, create)
            .body(new_schema())
            .step_up(StepUp::FRESH)
            .summary(TAG, "Make an API key; its secret is told this once")
            .answers(StatusCode::CREATED, "The key and its secret", Some(issued_schema()))
            .errors(&[Code::TooMany]),
        Route::new(Method::DELETE, PATH, "delete_api_keys", keys, delete_all)
            .summary(TAG, "End all of one's API keys")
            .answers(StatusCode::NO_CONTENT, "They are ended", None),
        Route::new(Method::GET, ONE, "get_api_key", keys, get)
            .summary(TAG, "One of one's API keys")
            .answers(StatusCode::OK, "The key", Some(api_key_schema()))
            .errors(&[Code::NotFound]),
        Route::new(Method::DELETE, ONE, "delete_api_key", keys, delete)
            .summary(TAG, "End an API key")
            .answers(StatusCode::NO_CONTENT, "It is ended", None)
            .errors(&[Code::NotFound]),
        Route::new(Method::POST, "/auth/v1/api-keys/{id}/rotate", "rotate_api_key", keys, rotate)
            .optional_body(rotation_schema())
            .step_up(StepUp::FRESH)
            .summary(TAG, "Give an API key a new secret; the old one ends at once or after an overlap")
            .answers(StatusCode::OK, "The key and its new secret", Some(issued_schema()))
            .errors(&[Code::NotFound]),
    ]
}

#[derive(Serialize)]
struct Issued<'a> {
    #[serde(flatten)]
    key: &'a ApiKey,
    secret: &'a str,
}

fn issued(issued: &IssuedApiKey) -> Issued<'_> {
    Issued { key: &issued.key, secret: issued.secret.expose() }
}

async fn list(keys: ApiKeys, call: Call) -> Result<Reply> {
    let user_id = call.ctx.actor.require_login()?.user_id;
    Reply::ok(&keys.list(&call.ctx, user_id, call.limit()?, call.query("after")).await?)
}

async fn create(keys: ApiKeys, mut call: Call) -> Result<Reply> {
    let new: NewApiKey = call.body()?;
    let created = keys.create(&call.ctx, new).await?;
    Reply::created(&format!("{PATH}/{}", created.key.id), &issued(&created))
}

async fn delete_all(keys: ApiKeys, call: Call) -> Result<Reply> {
    keys.revoke_own(&call.ctx).await?;
    Ok(Reply::no_content())
}

async fn get(keys: ApiKeys, call: Call) -> Result<Reply> {
    Reply::ok(&keys.get(&call.ctx, call.id("id")?).await?)
}

async fn delete(keys: ApiKeys, call: Call) -> Result<Reply> {
    let user_id = call.ctx.actor.require_login()?.user_id;
    keys.revoke(&call.ctx, user_id, call.id("id")?).await?;
    Ok(Reply::no_content())
}

async fn rotate(keys: ApiKeys, mut call: Call) -> Result<Reply> {
    let id = call.id("id")?;
    let rotation: Option<Rotation> = call.body()?;
    Reply::ok(&issued(&keys.rotate(&call.ctx, id, rotation.unwrap_or_default()).await?))
}

fn words(max: usize, length: usize) -> Kind {
    Kind::Array { items: Box::new(Kind::Text { min: 1, max: length }), max }
}

fn scopes() -> Field {
    Field::required("scopes", words(SCOPES_MAX, SCOPE_MAX))
        .describe("`resource:action` with read, create, update, delete or *; * for every resource; and `account:read`; one at least")
}

fn per_minute() -> Field {
    Field::optional("requests_per_minute", Kind::Int { min: 1, max: 1_000_000 })
        .describe("Beside the limits that hold for the owner")
}

fn addresses() -> Field {
    Field::optional("addresses", words(ADDRESSES_MAX, 64))
        .describe("Addresses and networks from which the key is good, as `10.0.0.0/8`; without any: from everywhere")
}

fn new_schema() -> Schema {
    Schema::new(vec![
        Field::required("label", Kind::Text { min: 1, max: LABEL_MAX }),
        scopes(),
        Field::optional("expires_at", Kind::Timestamp),
        addresses(),
        per_minute(),
    ])
}

fn rotation_schema() -> Schema {
    let most = i64::try_from(OVERLAP_MAX.as_secs()).unwrap_or(i64::MAX);
    Schema::new(vec![
        Field::optional("overlap_seconds", Kind::Int { min: 0, max: most })
            .describe("How long the old secret stays good; 0 by default"),
        Field::optional("expires_at", Kind::Timestamp).describe("When the key is to expire from now on"),
    ])
}

/// The shape of [`super::ApiKey`].
pub(crate) fn api_key_schema() -> Schema {
    Schema::new(shown())
}

fn issued_schema() -> Schema {
    let mut fields = shown();
    fields.push(Field::required("secret", Kind::text(100)).describe("What the program shows; never told again"));
    Schema::new(fields)
}

fn shown() -> Vec<Field> {
    let required = |field: Field| Field { is_required: true, ..field };
    vec![
        Field::required("id", Kind::Id(Cow::Borrowed("key"))),
        Field::required("label", Kind::text(LABEL_MAX)),
        scopes(),
        required(addresses()),
        required(per_minute()).nullable(),
        Field::required("created_at", Kind::Timestamp),
        Field::required("expires_at", Kind::Timestamp).nullable(),
        Field::required("rotated_at", Kind::Timestamp).nullable(),
        Field::required("previous_until", Kind::Timestamp).nullable().describe("How long the secret before stays good"),
        Field::required("last_used_at", Kind::Timestamp).nullable().describe("To the minute"),
        Field::required("last_address", Kind::text(64)).nullable(),
    ]
}
