//! HTTP of second factors where tokens are handed out.
use kernel::{
    Code, Error, FieldError, Result, Secret,
    schema::{Field, Kind, Schema},
};
use platform::single_use::Ticket;
use serde::Deserialize;
use web::{Access, Call, Class, Method, Reply, Route, Routes, StatusCode};

use super::{answers::grant_schema, second_factor::StepUpFactor, service::Logins};
use crate::{factors::FactorKind, passwords::MAX_BYTES, sessions::Transport};

const TAG: &str = "authentication";
/// Characters.
const CODE_MAX: usize = 20;

pub(super) fn routes(logins: &Logins) -> Routes {
    vec![
        Route::new(Method::POST, "/auth/v1/mfa/verify", "verify_mfa", logins, verify)
            .access(Access::Public)
            .class(Class::Credentials)
            .body(verify_schema())
            .summary(TAG, "Complete a log-in with a second factor")
            .answers(StatusCode::OK, "The account and its tokens", Some(grant_schema()))
            .errors(&[Code::InvalidToken, Code::InvalidCode, Code::CsrfFailed]),
        Route::new(Method::POST, "/auth/v1/mfa/send", "send_mfa", logins, send_mfa)
            .access(Access::Public)
            .class(Class::Credentials)
            .body(Schema::new(vec![challenge_field(), sent_method_field()]))
            .summary(TAG, "Send a code for a log-in that wants a second factor")
            .answers(StatusCode::ACCEPTED, "It is on its way; one sent before is good no more", None)
            .errors(&[Code::InvalidToken, Code::NotFound]),
        Route::new(Method::POST, "/auth/v1/step-up/send", "send_step_up", logins, send_step_up)
            .class(Class::Credentials)
            .body(Schema::new(vec![sent_method_field()]))
            .summary(TAG, "Send a code to prove oneself anew with")
            .answers(StatusCode::ACCEPTED, "It is on its way; one sent before is good no more", None)
            .errors(&[Code::NotFound]),
        Route::new(Method::POST, "/auth/v1/step-up", "step_up", logins, step_up)
            .class(Class::Credentials)
            .body(step_up_schema())
            .summary(TAG, "Prove oneself anew; the session's tokens are replaced")
            .answers(StatusCode::OK, "The account and its new tokens", Some(grant_schema()))
            .errors(&[Code::InvalidCredentials, Code::InvalidCode]),
        Route::new(Method::POST, "/auth/v1/me/factors/{id}/confirm", "confirm_factor", logins, confirm)
            .step_up(kernel::StepUp::FRESH)
            .class(Class::Credentials)
            .body(Schema::new(vec![code_field()]))
            .summary(TAG, "Confirm a second factor by its first code; the session's tokens are replaced")
            .answers(StatusCode::OK, "The account and its new tokens", Some(grant_schema()))
            .errors(&[Code::InvalidCode, Code::NotFound, Code::AlreadyConfirmed]),
    ]
}

#[derive(Deserialize)]
struct VerifyBody {
    challenge_id: String,
    method: FactorKind,
    code: String,
    trust_device: Option<bool>,
}

async fn verify(logins: Logins, mut call: Call) -> Result<Reply> {
    let body: VerifyBody = call.body()?;
    let ticket = Ticket::parse(&body.challenge_id).ok_or_else(|| Error::new(Code::InvalidToken))?;
    let half = logins.half_of(&call.ctx, &ticket).await?;
    if half.is_some_and(|half| half.transport == Transport::Cookie) {
        call.check_origin()?;
    }
    let trusts = body.trust_device.unwrap_or_default();
    let grant = logins.verify(&call.ctx, ticket, body.method, body.code, trusts).await?;
    logins.answer(StatusCode::OK, &grant, grant.session.transport)
}

#[derive(Deserialize)]
struct SendMfaBody {
    challenge_id: String,
    method: FactorKind,
}

async fn send_mfa(logins: Logins, mut call: Call) -> Result<Reply> {
    let body: SendMfaBody = call.body()?;
    let ticket = Ticket::parse(&body.challenge_id).ok_or_else(|| Error::new(Code::InvalidToken))?;
    logins.send_challenge_code(&call.ctx, ticket, body.method).await?;
    Ok(Reply::accepted())
}

#[derive(Deserialize)]
struct SendStepUpBody {
    method: FactorKind,
}

async fn send_step_up(logins: Logins, mut call: Call) -> Result<Reply> {
    let body: SendStepUpBody = call.body()?;
    logins.send_step_up_code(&call.ctx, body.method).await?;
    Ok(Reply::accepted())
}

#[derive(Deserialize)]
struct StepUpBody {
    method: String,
    password: Option<String>,
    code: Option<String>,
}

async fn step_up(logins: Logins, mut call: Call) -> Result<Reply> {
    let body: StepUpBody = call.body()?;
    let missing = |field: &str| Error::new(Code::Invalid).with_field(FieldError::new(field, "missing", "is required"));
    let factor = match FactorKind::parse(&body.method) {
        Some(kind) => StepUpFactor::Code(kind, body.code.ok_or_else(|| missing("code"))?),
        None => StepUpFactor::Password(Secret::new(body.password.ok_or_else(|| missing("password"))?)),
    };
    let grant = logins.step_up(&call.ctx, factor).await?;
    logins.answer(StatusCode::OK, &grant, grant.session.transport)
}

#[derive(Deserialize)]
struct ConfirmBody {
    code: String,
}

async fn confirm(logins: Logins, mut call: Call) -> Result<Reply> {
    let (id, body): (_, ConfirmBody) = (call.id("id")?, call.body()?);
    let grant = logins.confirm_factor(&call.ctx, id, body.code).await?;
    logins.answer(StatusCode::OK, &grant, grant.session.transport)
}

fn verify_schema() -> Schema {
    let methods = FactorKind::ALL.into_iter().map(|kind| kind.as_str().into()).collect();
    Schema::new(vec![
        challenge_field(),
        Field::required("method", Kind::Enum(methods)),
        code_field(),
        Field::optional("trust_device", Kind::Bool).describe("Ask for no second factor on this device for thirty days"),
    ])
}

fn step_up_schema() -> Schema {
    let kinds = FactorKind::ALL.into_iter().map(|kind| kind.as_str().into());
    let methods = std::iter::once("password".into()).chain(kinds).collect();
    Schema::new(vec![
        Field::required("method", Kind::Enum(methods)),
        Field::optional("password", Kind::text(MAX_BYTES)),
        Field { is_required: false, ..code_field() },
    ])
}

fn challenge_field() -> Field {
    Field::required("challenge_id", Kind::text(200)).describe("As the log-in gave it")
}

fn sent_method_field() -> Field {
    Field::required("method", Kind::Enum(FactorKind::SENT.into_iter().map(|kind| kind.as_str().into()).collect()))
}

fn code_field() -> Field {
    Field::required("code", Kind::Text { min: 1, max: CODE_MAX })
}
