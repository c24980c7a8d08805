//! HTTP of one's own account.
use std::borrow::Cow;

use kernel::{
    Code, Result, Scope, StepUp,
    schema::{Field, Kind, Schema},
};
use web::{Call, Method, Reply, Route, Routes, StatusCode};

use super::{
    model::{NAME_MAX, PREFERENCES_MAX, State, USERNAME_MAX},
    profile::patch_schema,
    service::Accounts,
};

const TAG: &str = "account";
const PATH: &str = "/auth/v1/me";

pub(super) fn routes(accounts: &Accounts) -> Routes {
    vec![
        Route::new(Method::GET, PATH, "get_me", accounts, get)
            .scopes([Scope::account()])
            .summary(TAG, "One's own account")
            .answers(StatusCode::OK, "The account", Some(user_schema()))
            .etag(),
        Route::new(Method::PATCH, PATH, "update_me", accounts, update)
            .record_body(patch_schema())
            .summary(TAG, "Change one's name, user name and preferences (JSON Merge Patch)")
            .answers(StatusCode::OK, "The account as it is now", Some(user_schema()))
            .etag()
            .errors(&[Code::UsernameTaken, Code::VersionMismatch, Code::Invalid]),
        Route::new(Method::DELETE, PATH, "delete_me", accounts, delete)
            .summary(TAG, "Delete one's account; wants a log-in of the last five minutes")
            .answers(StatusCode::NO_CONTENT, "It is deleted", None)
            .step_up(StepUp::FRESH)
            .errors(&[Code::LastAdministrator, Code::VersionMismatch]),
    ]
}

async fn get(accounts: Accounts, call: Call) -> Result<Reply> {
    let user = accounts.own(&call.ctx).await?;
    Reply::ok(&user)?.etag(user.version)
}

async fn update(accounts: Accounts, mut call: Call) -> Result<Reply> {
    let (patch, accepts) = (call.object()?, accepts(&call)?);
    let user = accounts.update_own(&call.ctx, patch, accepts).await?;
    Reply::ok(&user)?.etag(user.version)
}

async fn delete(accounts: Accounts, call: Call) -> Result<Reply> {
    accounts.delete_own(&call.ctx, accepts(&call)?).await?;
    Ok(Reply::no_content())
}

/// The condition of a write, without the transport it came by.
pub(crate) fn accepts(call: &Call) -> Result<impl FnOnce(i64) -> bool + Send + 'static> {
    let condition = call.if_match()?;
    Ok(move |version| condition.is_none_or(|condition| condition.accepts(version)))
}

pub(crate) fn state_field() -> Field {
    let states = State::ALL.iter().map(|state| Cow::Borrowed(state.as_str())).collect();
    Field::required("state", Kind::Enum(states))
        .describe("Who is suspended cannot log in, and no credential of theirs is good")
}

/// The shape of [`super::User`].
pub fn user_schema() -> Schema {
    let roles = Kind::Array { items: Box::new(Kind::text(64)), max: 1000 };
    let version = Kind::Int { min: 1, max: i64::MAX };
    let preferences = Kind::Json { max_bytes: PREFERENCES_MAX };
    Schema::new(vec![
        Field::required("id", Kind::Id(Cow::Borrowed("usr"))),
        Field::required("email", Kind::Email),
        Field::required("has_second_factor", Kind::Bool).describe("Whether a log-in asks for more than the password"),
        Field::required("email_verified", Kind::Bool).describe("Whether the person proved that the address is theirs"),
        Field::required("username", Kind::text(USERNAME_MAX)).nullable(),
        Field::required("name", Kind::text(NAME_MAX)).nullable(),
        Field::required("preferences", preferences).describe("An object"),
        Field::required("roles", roles),
        state_field(),
        Field::required("created_at", Kind::Timestamp),
        Field::required("updated_at", Kind::Timestamp),
        Field::required("version", version),
    ])
}
