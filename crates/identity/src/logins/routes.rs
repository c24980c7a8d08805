//! HTTP of the log-ins.
use kernel::{
    Code, Error, Result, SessionId,
    schema::{Field, Kind, Schema},
};
use web::{Access, Call, Class, Method, Reply, Route, Routes, StatusCode, cookies, csrf, header};

use super::{
    answers::grant_schema,
    model::{LoginBody, RefreshBody, RegisterBody},
    service::Logins,
};
use crate::{
    accounts::{email_field, name_field, username_field},
    passwords::MAX_BYTES,
    sessions::Transport,
};

const TAG: &str = "authentication";

pub fn routes(logins: &Logins) -> Routes {
    let min_length = logins.accounts().passwords().min_length();
    let routes = vec![
        Route::new(Method::POST, "/auth/v1/register", "register", logins, register)
            .body(register_schema(min_length))
            .summary(TAG, "Create an account and log in")
            .answers(StatusCode::CREATED, "The account and its tokens", Some(grant_schema()))
            .errors(&[Code::RegistrationClosed, Code::EmailTaken, Code::UsernameTaken, Code::CsrfFailed]),
        Route::new(Method::POST, "/auth/v1/login", "log_in", logins, log_in)
            .body(login_schema())
            .summary(TAG, "Log in with a password")
            .answers(StatusCode::OK, "The account and its tokens", Some(grant_schema()))
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
    routes.into_iter().map(|route| route.access(Access::Public).class(Class::Credentials)).collect()
}

async fn register(logins: Logins, mut call: Call) -> Result<Reply> {
    let body: RegisterBody = call.body()?;
    let transport = body.transport;
    check_origin(&call, transport)?;
    let grant = logins.register(&call.ctx, body.into_account(), transport).await?;
    logins.answer(StatusCode::CREATED, &grant, transport)
}

async fn log_in(logins: Logins, mut call: Call) -> Result<Reply> {
    let body: LoginBody = call.body()?;
    let transport = body.transport;
    check_origin(&call, transport)?;
    let (identifier, password) = body.into_parts()?;
    let grant = logins.log_in(&call.ctx, identifier, password, transport).await?;
    logins.answer(StatusCode::OK, &grant, transport)
}

/// A page of another origin must not log its visitors in as someone else.
fn check_origin(call: &Call, transport: Transport) -> Result<()> {
    if transport == Transport::Cookie { call.check_origin() } else { Ok(()) }
}

async fn refresh(logins: Logins, mut call: Call) -> Result<Reply> {
    let body: Option<RefreshBody> = call.body()?;
    if let Some(token) = body.unwrap_or_default().refresh_token {
        let grant = logins.refresh(&call.ctx, &token).await?;
        return logins.answer(StatusCode::OK, &grant, Transport::Bearer);
    }
    let refused = || Error::new(Code::InvalidToken);
    let token = refresh_cookie(&logins, &call).ok_or_else(refused)?;
    // The access cookie may be gone by now, so the session that the echo must fit is the refresh token's.
    let (session_id, _) = logins.tokens().read_refresh(token).ok_or_else(refused)?;
    check_forgery(&logins, &call, session_id)?;
    let grant = logins.refresh(&call.ctx, token).await?;
    logins.answer(StatusCode::OK, &grant, Transport::Cookie)
}

async fn log_out(logins: Logins, mut call: Call) -> Result<Reply> {
    let body: Option<RefreshBody> = call.body()?;
    let session_id = |token: &str| logins.tokens().read_refresh(token).map(|(session_id, _)| session_id);
    let own = call.ctx.actor.principal().map(|principal| principal.session_id);
    let named = body.unwrap_or_default().refresh_token.as_deref().and_then(session_id);
    let leaving = if is_bearer(&call) {
        named.or(own)
    } else {
        // Clearing someone's cookies from another site would be a nuisance too.
        call.check_origin()?;
        let by_cookie = refresh_cookie(&logins, &call).and_then(session_id).or(own);
        if let (None, Some(session_id)) = (named, by_cookie) {
            check_forgery(&logins, &call, session_id)?;
        }
        named.or(by_cookie)
    };
    if let Some(session_id) = leaving {
        logins.log_out(&call.ctx, session_id).await?;
    }
    let reply = Reply::no_content().header(CLEAR_SITE_DATA, "\"cache\", \"cookies\", \"storage\"")?;
    logins.cookies().clear(reply)
}

const CLEAR_SITE_DATA: header::HeaderName = header::HeaderName::from_static("clear-site-data");

/// With a bearer present cookies are ignored.
fn is_bearer(call: &Call) -> bool {
    call.headers.contains_key(header::AUTHORIZATION)
}

fn refresh_cookie<'a>(logins: &Logins, call: &'a Call) -> Option<&'a str> {
    if is_bearer(call) { None } else { cookies::get(&call.headers, &logins.cookies().refresh) }
}

fn check_forgery(logins: &Logins, call: &Call, session_id: SessionId) -> Result<()> {
    call.check_origin()?;
    let is_echoed = csrf::has_token(&call.headers, &logins.tokens().csrf(session_id));
    if is_echoed { Ok(()) } else { Err(Error::new(Code::CsrfFailed)) }
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

fn transport_field() -> Field {
    Field::optional("transport", Kind::Enum(vec!["bearer".into(), "cookie".into()]))
        .describe("How the tokens travel; bearer by default")
}
