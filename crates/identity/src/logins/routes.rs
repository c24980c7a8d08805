//! HTTP of the log-ins.
use kernel::{
    Code, Error, Result, SessionId,
    schema::{Field, Kind, Schema},
};
use web::{Access, Call, Class, Method, Reply, Route, Routes, StatusCode, cookies, header};

use super::{
    answers::{grant_schema, outcome_schema},
    model::{LoginBody, RefreshBody, RegisterBody, Registered, Registration},
    service::Logins,
};
use crate::{
    accounts::{email_field, name_field, username_field},
    passwords::{Assurance, MAX_BYTES},
    sessions::Transport,
};

const TAG: &str = "authentication";
/// Bytes; the longest password with every character escaped takes 6 KiB. Anyone may send these, so they must not fill the memory.
const BODY_LIMIT: usize = 64 * 1024;

pub fn routes(logins: &Logins) -> Routes {
    let min_length = logins.accounts().passwords().min_length(Assurance::PasswordAlone);
    let routes = vec![
        register_route(logins).class(Class::Credentials).body(register_schema(min_length)),
        Route::new(Method::POST, "/auth/v1/login", "log_in", logins, log_in)
            .class(Class::Credentials)
            .body(login_schema())
            .summary(TAG, "Log in with a password")
            .answers(
                StatusCode::OK,
                "The account and its tokens, or the challenge to answer first",
                Some(outcome_schema()),
            )
            .errors(&[Code::InvalidCredentials, Code::CsrfFailed]),
        Route::new(Method::POST, "/auth/v1/refresh", "refresh", logins, refresh)
            .optional_body(refresh_schema())
            .summary(TAG, "Trade a refresh token, in the body or as a cookie, for new tokens")
            .answers(StatusCode::OK, "The account and its new tokens", Some(grant_schema()))
            .errors(&[Code::InvalidToken, Code::RefreshReused, Code::CsrfFailed]),
        Route::new(Method::POST, "/auth/v1/logout", "log_out", logins, log_out)
            .optional_body(refresh_schema())
            .summary(TAG, "End the session of a refresh token, of the cookies, or of the bearer")
            .answers(StatusCode::NO_CONTENT, "It is ended, or was", None)
            .errors(&[Code::CsrfFailed]),
    ];
    routes.into_iter().map(|route| route.access(Access::Public).body_limit(BODY_LIMIT)).collect()
}

/// What it answers depends on the mode of registration.
fn register_route(logins: &Logins) -> Route {
    let route = Route::new(Method::POST, "/auth/v1/register", "register", logins, register);
    match logins.registration() {
        Registration::VerifyFirst => route
            .summary(TAG, "Ask for an account, which a mailed link creates; the answer is always the same")
            .answers(StatusCode::ACCEPTED, "Whatever comes of it", None)
            .errors(&[Code::CsrfFailed]),
        _ => route
            .summary(TAG, "Create an account and log in")
            .answers(StatusCode::CREATED, "The account and its tokens", Some(grant_schema()))
            .errors(&[Code::RegistrationClosed, Code::EmailTaken, Code::UsernameTaken, Code::CsrfFailed]),
    }
}

async fn register(logins: Logins, mut call: Call) -> Result<Reply> {
    let body: RegisterBody = call.body()?;
    let transport = body.transport;
    check_origin(&call, transport)?;
    match logins.register(&call.ctx, body.into_account(), transport).await? {
        Registered::Granted(grant) => logins.answer(StatusCode::CREATED, &grant, transport),
        Registered::Mailed => Ok(Reply::accepted()),
    }
}

async fn log_in(logins: Logins, mut call: Call) -> Result<Reply> {
    let body: LoginBody = call.body()?;
    let transport = body.transport;
    check_origin(&call, transport)?;
    let (identifier, password) = body.into_parts()?;
    let outcome = logins.log_in(&call.ctx, identifier, password, transport).await?;
    logins.answer_outcome(&outcome, transport)
}

/// A page of another origin must not log its visitors in as someone else.
pub(crate) fn check_origin(call: &Call, transport: Transport) -> Result<()> {
    if transport == Transport::Cookie { call.check_origin() } else { Ok(()) }
}

async fn refresh(logins: Logins, mut call: Call) -> Result<Reply> {
    let body: Option<RefreshBody> = call.body()?;
    if let Some(token) = body.unwrap_or_default().refresh_token {
        let grant = logins.refresh(&call.ctx, &token).await?;
        return logins.answer(StatusCode::OK, &grant, Transport::Bearer);
    }
    let refused = || Error::new(Code::InvalidToken);
    let token = cookie(&call, &logins.cookies().refresh).ok_or_else(refused)?;
    // The access cookie may be gone by now, so the session that the echo must fit is the refresh token's.
    let (session_id, _) = logins.tokens().read_refresh(token).ok_or_else(refused)?;
    call.check_csrf(|sent| logins.tokens().is_csrf(session_id, sent))?;
    let grant = logins.refresh(&call.ctx, token).await?;
    logins.answer(StatusCode::OK, &grant, Transport::Cookie)
}

async fn log_out(logins: Logins, mut call: Call) -> Result<Reply> {
    let body: Option<RefreshBody> = call.body()?;
    let named = body.unwrap_or_default().refresh_token.and_then(|token| of_refresh(&logins, &token));
    if let Some(session_id) = named.or(leaving(&logins, &call)?) {
        logins.log_out(&call.ctx, session_id).await?;
    }
    // Not "cookies": that would empty the whole registrable domain. Ours are taken away by name.
    let reply = Reply::no_content().header(CLEAR_SITE_DATA, "\"cache\", \"storage\"")?;
    if ignores_cookies(&call) { Ok(reply) } else { logins.cookies().clear(reply) }
}

/// The session whose credentials came with the request. They are read here and not taken from the actor, who is
/// anonymous also when the database is away: a log-out that did not happen must not look like one.
fn leaving(logins: &Logins, call: &Call) -> Result<Option<SessionId>> {
    let of_access = |token: &str| logins.tokens().verify_access(token, call.ctx.now()).map(|found| found.session_id);
    if let Some(authorization) = call.headers.get(header::AUTHORIZATION) {
        let token = authorization.to_str().ok().and_then(|text| text.split_once(' ')).map(|(_, token)| token.trim());
        return Ok(token.and_then(of_access));
    }
    if ignores_cookies(call) {
        return Ok(None);
    }
    // Clearing someone's cookies from another site would be a nuisance even without a session.
    call.check_origin()?;
    let refresh = cookie(call, &logins.cookies().refresh).and_then(|token| of_refresh(logins, token));
    let session_id = refresh.or_else(|| cookie(call, &logins.cookies().access).and_then(of_access));
    if let Some(session_id) = session_id {
        call.check_csrf(|sent| logins.tokens().is_csrf(session_id, sent))?;
    }
    Ok(session_id)
}

fn of_refresh(logins: &Logins, token: &str) -> Option<SessionId> {
    logins.tokens().read_refresh(token).map(|(session_id, _)| session_id)
}

const API_KEY: header::HeaderName = header::HeaderName::from_static("x-api-key");
const CLEAR_SITE_DATA: header::HeaderName = header::HeaderName::from_static("clear-site-data");

fn cookie<'a>(call: &'a Call, name: &str) -> Option<&'a str> {
    if ignores_cookies(call) { None } else { cookies::get(&call.headers, name) }
}

/// Whether another credential came with the request.
fn ignores_cookies(call: &Call) -> bool {
    call.headers.contains_key(header::AUTHORIZATION) || call.headers.contains_key(API_KEY)
}

fn register_schema(min_length: usize) -> Schema {
    let password = Field::required("password", Kind::Text { min: min_length, max: MAX_BYTES });
    Schema::new(vec![email_field(), password, username_field(), name_field(), transport_field()])
}

fn login_schema() -> Schema {
    let email = Field { is_required: false, ..email_field() };
    let password = Field::required("password", Kind::text(MAX_BYTES));
    Schema::new(vec![email, username_field().describe("Instead of email"), password, transport_field()])
}

fn refresh_schema() -> Schema {
    Schema::new(vec![Field::optional("refresh_token", Kind::text(200))])
}

pub(crate) fn transport_field() -> Field {
    Field::optional("transport", Kind::Enum(vec!["bearer".into(), "cookie".into()]))
        .describe("How the tokens travel; bearer by default")
}
