//! HTTP of the ceremonies.
use kernel::{
    Code, Result, StepUp,
    schema::{Field, Kind, Schema},
};
use platform::single_use::Ticket;
use serde::Deserialize;
use serde_json::Value as Json;
use web::{Access, Call, Class, Method, Reply, Route, Routes, StatusCode};

use super::ceremony::Ceremonies;
use crate::{
    accounts::email_field,
    logins::{check_origin, grant_schema, outcome_schema, transport_field},
    passkeys::routes::{TAG, name_field, passkey_schema},
    sessions::Transport,
};

/// Bytes of what an authenticator answers; with an attestation it may have certificates in it.
const CREDENTIAL_MAX: usize = 32 * 1024;
/// Bytes. Anyone may send these, so they must not fill the memory.
const BODY_LIMIT: usize = 64 * 1024;

pub(crate) fn routes(ceremonies: &Ceremonies) -> Routes {
    let routes = [registration_routes(ceremonies), login_routes(ceremonies), step_up_routes(ceremonies)].concat();
    routes.into_iter().map(|route| route.body_limit(BODY_LIMIT)).collect()
}

fn registration_routes(ceremonies: &Ceremonies) -> Routes {
    vec![
        Route::new(
            Method::POST,
            "/auth/v1/passkeys/register/start",
            "start_passkey_registration",
            ceremonies,
            start_registration,
        )
        .step_up(StepUp::FRESH)
        .summary(TAG, "Begin to add a passkey; wants a fresh log-in")
        .answers(StatusCode::OK, "For PublicKeyCredential.parseCreationOptionsFromJSON", Some(started_schema()))
        .errors(&[Code::TooMany]),
        Route::new(
            Method::POST,
            "/auth/v1/passkeys/register/finish",
            "finish_passkey_registration",
            ceremonies,
            finish_registration,
        )
        .step_up(StepUp::FRESH)
        .class(Class::Credentials)
        .body(finish_registration_schema())
        .summary(TAG, "Add the passkey that was made")
        .answers(StatusCode::CREATED, "The passkey", Some(passkey_schema()))
        .errors(&[Code::InvalidToken, Code::InvalidPasskey, Code::PasskeyTaken, Code::TooMany]),
    ]
}

fn login_routes(ceremonies: &Ceremonies) -> Routes {
    let routes = vec![
        Route::new(Method::POST, "/auth/v1/passkeys/login/start", "start_passkey_login", ceremonies, start_login)
            .optional_body(Schema::new(vec![Field { is_required: false, ..email_field() }]))
            .summary(TAG, "Begin to log in with a passkey, without a name or with an email address")
            .answers(StatusCode::OK, "For PublicKeyCredential.parseRequestOptionsFromJSON", Some(started_schema())),
        Route::new(Method::POST, "/auth/v1/passkeys/login/finish", "finish_passkey_login", ceremonies, finish_login)
            .body(Schema::new(vec![ceremony_field(), credential_field(), transport_field()]))
            .summary(TAG, "Log in with a passkey")
            .answers(StatusCode::OK, "The account and its tokens", Some(outcome_schema()))
            .errors(&[Code::InvalidToken, Code::InvalidPasskey, Code::CsrfFailed]),
        Route::new(Method::POST, "/auth/v1/mfa/passkey/start", "start_passkey_factor", ceremonies, start_factor)
            .body(Schema::new(vec![challenge_field()]))
            .summary(TAG, "Ask for a passkey or a security key as the second factor of a log-in")
            .answers(StatusCode::OK, "For PublicKeyCredential.parseRequestOptionsFromJSON", Some(started_schema()))
            .errors(&[Code::InvalidToken, Code::NotFound]),
        Route::new(Method::POST, "/auth/v1/mfa/passkey/finish", "finish_passkey_factor", ceremonies, finish_factor)
            .body(Schema::new(vec![challenge_field(), ceremony_field(), credential_field(), trust_field()]))
            .summary(TAG, "Complete a log-in with a passkey or a security key")
            .answers(StatusCode::OK, "The account and its tokens", Some(grant_schema()))
            .errors(&[Code::InvalidToken, Code::InvalidPasskey, Code::CsrfFailed]),
    ];
    routes.into_iter().map(|route| route.access(Access::Public).class(Class::Credentials)).collect()
}

fn step_up_routes(ceremonies: &Ceremonies) -> Routes {
    vec![
        Route::new(Method::POST, "/auth/v1/step-up/passkey/start", "start_passkey_step_up", ceremonies, start_step_up)
            .class(Class::Credentials)
            .summary(TAG, "Begin to prove oneself anew with a passkey or a security key")
            .answers(StatusCode::OK, "For PublicKeyCredential.parseRequestOptionsFromJSON", Some(started_schema()))
            .errors(&[Code::NotFound]),
        Route::new(
            Method::POST,
            "/auth/v1/step-up/passkey/finish",
            "finish_passkey_step_up",
            ceremonies,
            finish_step_up,
        )
        .class(Class::Credentials)
        .body(Schema::new(vec![ceremony_field(), credential_field()]))
        .summary(TAG, "Prove oneself anew; the session's tokens are replaced")
        .answers(StatusCode::OK, "The account and its new tokens", Some(grant_schema()))
        .errors(&[Code::InvalidToken, Code::InvalidPasskey]),
    ]
}

#[derive(Deserialize)]
struct FinishRegistrationBody {
    ceremony_id: String,
    credential: Json,
    name: Option<String>,
}

async fn start_registration(ceremonies: Ceremonies, call: Call) -> Result<Reply> {
    Reply::ok(&ceremonies.start_registration(&call.ctx).await?)
}

async fn finish_registration(ceremonies: Ceremonies, mut call: Call) -> Result<Reply> {
    let body: FinishRegistrationBody = call.body()?;
    let made = ceremonies.finish_registration(&call.ctx, &body.ceremony_id, body.credential, body.name).await?;
    Reply::json(StatusCode::CREATED, &made)
}

#[derive(Default, Deserialize)]
struct StartLoginBody {
    email: Option<String>,
}

#[derive(Deserialize)]
struct FinishLoginBody {
    ceremony_id: String,
    credential: Json,
    #[serde(default)]
    transport: Transport,
}

#[derive(Deserialize)]
struct StartFactorBody {
    challenge_id: String,
}

#[derive(Deserialize)]
struct FinishFactorBody {
    challenge_id: String,
    ceremony_id: String,
    credential: Json,
    trust_device: Option<bool>,
}

#[derive(Deserialize)]
struct FinishStepUpBody {
    ceremony_id: String,
    credential: Json,
}

async fn start_login(ceremonies: Ceremonies, mut call: Call) -> Result<Reply> {
    let body: Option<StartLoginBody> = call.body()?;
    Reply::ok(&ceremonies.start_login(&call.ctx, body.unwrap_or_default().email).await?)
}

async fn finish_login(ceremonies: Ceremonies, mut call: Call) -> Result<Reply> {
    let FinishLoginBody { ceremony_id, credential, transport } = call.body()?;
    check_origin(&call, transport)?;
    let outcome = ceremonies.finish_login(&call.ctx, &ceremony_id, credential, transport).await?;
    ceremonies.passkeys().logins().answer_outcome(&outcome, transport)
}

async fn start_factor(ceremonies: Ceremonies, mut call: Call) -> Result<Reply> {
    let body: StartFactorBody = call.body()?;
    Reply::ok(&ceremonies.start_factor(&call.ctx, &body.challenge_id).await?)
}

async fn finish_factor(ceremonies: Ceremonies, mut call: Call) -> Result<Reply> {
    let FinishFactorBody { challenge_id, ceremony_id, credential, trust_device } = call.body()?;
    let logins = ceremonies.passkeys().logins();
    if let Some(ticket) = Ticket::parse(&challenge_id) {
        let half = logins.half_of(&call.ctx, &ticket).await?;
        check_origin(&call, half.map(|half| half.transport).unwrap_or_default())?;
    }
    let grant = ceremonies
        .finish_factor(&call.ctx, &challenge_id, &ceremony_id, credential, trust_device.unwrap_or_default())
        .await?;
    logins.answer(StatusCode::OK, &grant, grant.session.transport)
}

async fn start_step_up(ceremonies: Ceremonies, call: Call) -> Result<Reply> {
    Reply::ok(&ceremonies.start_step_up(&call.ctx).await?)
}

async fn finish_step_up(ceremonies: Ceremonies, mut call: Call) -> Result<Reply> {
    let FinishStepUpBody { ceremony_id, credential } = call.body()?;
    let grant = ceremonies.finish_step_up(&call.ctx, &ceremony_id, credential).await?;
    ceremonies.passkeys().logins().answer(StatusCode::OK, &grant, grant.session.transport)
}

fn finish_registration_schema() -> Schema {
    Schema::new(vec![ceremony_field(), credential_field(), name_field()])
}

fn ceremony_field() -> Field {
    Field::required("ceremony_id", Kind::text(200)).describe("As the start gave it")
}

fn challenge_field() -> Field {
    Field::required("challenge_id", Kind::text(200)).describe("As the log-in gave it")
}

fn trust_field() -> Field {
    Field::optional("trust_device", Kind::Bool).describe("Whether this device needs no second factor for thirty days")
}

fn credential_field() -> Field {
    let kind = Kind::Json { max_bytes: CREDENTIAL_MAX };
    Field::required("credential", kind).describe("What toJSON() of the browser's PublicKeyCredential gives")
}

fn started_schema() -> Schema {
    Schema::new(vec![
        ceremony_field(),
        Field::required("public_key", Kind::Json { max_bytes: CREDENTIAL_MAX }),
        Field::required("expires_in", Kind::Int { min: 1, max: i64::MAX }).describe("Seconds"),
    ])
}
