//! HTTP of the passkeys.
use kernel::{
    Code, Result, StepUp,
    schema::{Field, Kind, Schema},
};
use serde::Deserialize;
use web::{Call, Method, Reply, Route, Routes, StatusCode};

use super::{
    model::{NAME_MAX, PasskeyKind},
    service::{PasskeyPatch, Passkeys},
};
use crate::cursor;

pub(super) const TAG: &str = "passkeys";
const PATH: &str = "/auth/v1/passkeys";
const ONE: &str = "/auth/v1/passkeys/{id}";

pub fn routes(passkeys: &Passkeys) -> Routes {
    vec![
        Route::new(Method::GET, PATH, "list_passkeys", passkeys, list)
            .query(cursor::query())
            .summary(TAG, "One's own passkeys and security keys, newest first")
            .answers(StatusCode::OK, "A page of them", Some(cursor::page_schema(passkey_schema())))
            .errors(&[Code::BadCursor]),
        Route::new(Method::PATCH, ONE, "update_passkey", passkeys, update)
            .step_up(StepUp::FRESH)
            .body(patch_schema())
            .summary(TAG, "Rename a passkey, or let it be used again after its counter went back")
            .answers(StatusCode::OK, "The passkey as it is now", Some(passkey_schema()))
            .errors(&[Code::NotFound]),
        Route::new(Method::DELETE, ONE, "delete_passkey", passkeys, delete)
            .step_up(StepUp::FRESH)
            .summary(TAG, "Remove a passkey")
            .answers(StatusCode::NO_CONTENT, "It is removed", None)
            .errors(&[Code::NotFound, Code::LastWayIn]),
    ]
}

#[derive(Deserialize)]
struct PatchBody {
    name: Option<String>,
    is_suspended: Option<bool>,
}

async fn list(passkeys: Passkeys, call: Call) -> Result<Reply> {
    Reply::ok(&passkeys.list(&call.ctx, call.limit()?, call.query("after")).await?)
}

async fn update(passkeys: Passkeys, mut call: Call) -> Result<Reply> {
    let id = call.id("id")?;
    let PatchBody { name, is_suspended } = call.body()?;
    Reply::ok(&passkeys.update(&call.ctx, id, PasskeyPatch { name, is_suspended }).await?)
}

async fn delete(passkeys: Passkeys, call: Call) -> Result<Reply> {
    passkeys.delete(&call.ctx, call.id("id")?).await?;
    Ok(Reply::no_content())
}

pub(super) fn name_field() -> Field {
    Field::optional("name", Kind::Text { min: 1, max: NAME_MAX }).describe("What its owner calls it")
}

fn patch_schema() -> Schema {
    let is_suspended =
        Field::optional("is_suspended", Kind::Bool).describe("False lets it be used again; true changes nothing");
    Schema::new(vec![name_field(), is_suspended])
}

pub(super) fn passkey_schema() -> Schema {
    let kinds = PasskeyKind::NAMES.into_iter().map(Into::into).collect();
    let transports = Kind::Array { items: Box::new(Kind::text(20)), max: 10 };
    Schema::new(vec![
        Field::required("id", Kind::Id("psk".into())),
        Field::required("name", Kind::text(NAME_MAX)),
        Field::required("kind", Kind::Enum(kinds))
            .describe("A passkey is the whole log-in, a security key a second factor"),
        Field::required("transports", transports).describe("How it can be reached, as the browser said"),
        Field::required("is_backed_up", Kind::Bool).describe("Whether its maker keeps a copy for its owner"),
        Field::required("is_suspended", Kind::Bool).describe("Its counter went back, so there may be a copy"),
        Field::required("created_at", Kind::Timestamp),
        Field::required("last_used_at", Kind::Timestamp).nullable(),
    ])
}
