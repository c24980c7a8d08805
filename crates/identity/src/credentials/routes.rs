//! HTTP of addresses and passwords.
use kernel::{
    Code, Permission, Result, Secret, StepUp,
    schema::{Field, Kind, Schema},
};
use serde::Deserialize;
use web::{Access, Call, Class, Method, Reply, Route, Routes, StatusCode};

use super::{recovery::PROOF, service::Credentials, suspension::reason_field};
use crate::{
    accounts::{State, accepts, email_field, state_field, user_schema},
    passwords::{Assurance, MAX_BYTES},
};

const TAG: &str = "authentication";
/// Bytes; as for the log-ins.
const BODY_LIMIT: usize = 64 * 1024;

pub(super) fn routes(credentials: &Credentials) -> Routes {
    let min_length = credentials.accounts().passwords().min_length(Assurance::SecondFactor);
    let current = Field::required("current_password", Kind::text(MAX_BYTES));
    let routes = vec![
        Route::new(Method::POST, "/auth/v1/email/verify", "verify_email", credentials, verify)
            .access(Access::Public)
            .body(Schema::new(vec![token_field()]))
            .summary(TAG, "Prove an address by the link mailed there; the link of a registration creates the account")
            .answers(StatusCode::NO_CONTENT, "It is proven", None)
            .errors(&[Code::InvalidToken, Code::EmailTaken]),
        Route::new(Method::POST, "/auth/v1/email/resend", "resend_verification", credentials, resend)
            .access(Access::Public)
            .body(Schema::new(vec![email_field()]))
            .summary(TAG, "Mail the link that proves an address again; the answer is always the same")
            .answers(StatusCode::ACCEPTED, "Whatever comes of it", None),
        Route::new(Method::POST, "/auth/v1/email/change", "change_email", credentials, change_email)
            .step_up(StepUp::FRESH)
            .body(Schema::new(vec![email_field()]))
            .summary(TAG, "Change one's address, once the new one confirms it; wants a fresh log-in")
            .answers(StatusCode::ACCEPTED, "A link was mailed to the new address", None),
        Route::new(Method::POST, "/auth/v1/email/undo", "undo_email_change", credentials, undo)
            .access(Access::Public)
            .body(Schema::new(vec![token_field()]))
            .summary(TAG, "Give an account its former address back, by the link mailed there")
            .answers(StatusCode::NO_CONTENT, "It is back; a link to set a password was mailed there", None)
            .errors(&[Code::InvalidToken, Code::EmailTaken]),
        Route::new(Method::POST, "/auth/v1/password/forgot", "forgot_password", credentials, forgot)
            .access(Access::Public)
            .body(Schema::new(vec![email_field()]))
            .summary(TAG, "Mail a link that sets a password; the answer is always the same")
            .answers(StatusCode::ACCEPTED, "Whatever comes of it", None),
        Route::new(Method::POST, "/auth/v1/password/reset", "reset_password", credentials, reset)
            .access(Access::Public)
            .body(Schema::new(vec![token_field(), password_field("password", min_length)]))
            .summary(TAG, "Set a password by a mailed link")
            .answers(StatusCode::NO_CONTENT, "It is set, and nobody is logged in", None)
            .errors(&[Code::InvalidToken]),
        Route::new(Method::POST, "/auth/v1/password/change", "change_password", credentials, change_password)
            .body(Schema::new(vec![current, password_field("new_password", min_length)]))
            .summary(TAG, "Change one's password; with a second factor, wants that one proven lately")
            .answers(StatusCode::NO_CONTENT, "It is changed; the other sessions are ended", None)
            .errors(&[Code::InvalidCredentials, Code::FreshLoginRequired]),
    ];
    let mut routes: Routes =
        routes.into_iter().map(|route| route.class(Class::Credentials).body_limit(BODY_LIMIT)).collect();
    routes.extend(admin_routes(credentials));
    routes
}

fn admin_routes(credentials: &Credentials) -> Routes {
    vec![
        Route::new(Method::PATCH, "/admin/v1/users/{id}", "update_user", credentials, set_state)
            .access(Access::Permission(Permission::ManageUsers))
            .step_up(StepUp::FRESH)
            .body(Schema::new(vec![state_field(), reason_field()]))
            .summary("administration", "Suspend an account, or resume it; effective at once")
            .answers(StatusCode::OK, "The account as it is now", Some(user_schema()))
            .etag()
            .errors(&[Code::NotFound, Code::LastAdministrator, Code::VersionMismatch]),
        Route::new(Method::DELETE, "/admin/v1/users/{id}/factors", "reset_user_factors", credentials, reset_factors)
            .access(Access::Permission(Permission::ManageUsers))
            .step_up(PROOF)
            .summary(
                "administration",
                "Remove every second factor and passkey of someone who lost them; wants two fresh factors",
            )
            .answers(
                StatusCode::NO_CONTENT,
                "They are removed, every session and API key is ended, and the owner is told",
                None,
            )
            .errors(&[Code::NotFound]),
    ]
}

#[derive(Deserialize)]
struct StateBody {
    state: State,
    reason: Option<String>,
}

async fn set_state(credentials: Credentials, mut call: Call) -> Result<Reply> {
    let (user_id, accepts) = (call.id("id")?, accepts(&call)?);
    let StateBody { state, reason } = call.body()?;
    let user = credentials.set_state(&call.ctx, user_id, state, reason, accepts).await?;
    Reply::ok(&user)?.etag(user.version)
}

async fn reset_factors(credentials: Credentials, call: Call) -> Result<Reply> {
    credentials.reset_factors(&call.ctx, call.id("id")?).await?;
    Ok(Reply::no_content())
}

#[derive(Deserialize)]
struct TokenBody {
    token: String,
}

#[derive(Deserialize)]
struct EmailBody {
    email: String,
}

async fn verify(credentials: Credentials, mut call: Call) -> Result<Reply> {
    let body: TokenBody = call.body()?;
    credentials.verify(&call.ctx, &body.token).await?;
    Ok(Reply::no_content())
}

async fn undo(credentials: Credentials, mut call: Call) -> Result<Reply> {
    let body: TokenBody = call.body()?;
    credentials.undo_change(&call.ctx, &body.token).await?;
    Ok(Reply::no_content())
}

async fn resend(credentials: Credentials, mut call: Call) -> Result<Reply> {
    let body: EmailBody = call.body()?;
    credentials.resend(&call.ctx, body.email).await?;
    Ok(Reply::accepted())
}

async fn change_email(credentials: Credentials, mut call: Call) -> Result<Reply> {
    let body: EmailBody = call.body()?;
    credentials.begin_change(&call.ctx, body.email).await?;
    Ok(Reply::accepted())
}

async fn forgot(credentials: Credentials, mut call: Call) -> Result<Reply> {
    let body: EmailBody = call.body()?;
    credentials.forgot(&call.ctx, body.email).await?;
    Ok(Reply::accepted())
}

#[derive(Deserialize)]
struct ResetBody {
    token: String,
    password: String,
}

async fn reset(credentials: Credentials, mut call: Call) -> Result<Reply> {
    let body: ResetBody = call.body()?;
    credentials.reset(&call.ctx, &body.token, Secret::new(body.password)).await?;
    Ok(Reply::no_content())
}

#[derive(Deserialize)]
struct ChangeBody {
    current_password: String,
    new_password: String,
}

async fn change_password(credentials: Credentials, mut call: Call) -> Result<Reply> {
    let ChangeBody { current_password, new_password } = call.body()?;
    credentials.change_password(&call.ctx, Secret::new(current_password), Secret::new(new_password)).await?;
    Ok(Reply::no_content())
}

fn token_field() -> Field {
    Field::required("token", Kind::text(200)).describe("From the link")
}

fn password_field(name: &'static str, min: usize) -> Field {
    Field::required(name, Kind::Text { min, max: MAX_BYTES })
}
