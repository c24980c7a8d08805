//! HTTP of the log-in by others.
use kernel::{
    Code, Error, Result, StepUp,
    schema::{Field, Kind, Schema},
};
use openidconnect::url::form_urlencoded;
use serde::Deserialize;
use serde_json::json;
use web::{Access, Call, Class, Method, Reply, Route, Routes, StatusCode, cookies, header};

use super::{
    flow,
    model::Returned,
    service::{Done, Oauth},
};
use crate::{
    logins::{Outcome, outcome_schema},
    sessions::Transport,
};

const TAG: &str = "authentication";
const IDENTITIES: &str = "identities";
/// Seconds that the browser keeps what binds a log-in to it.
const COOKIE_AGE: u64 = 600;
/// Longest of what providers put into the query of a callback.
const LONG: usize = 8192;
/// What providers add to their answers and we have no use for.
const IGNORED: [&str; 8] =
    ["scope", "authuser", "hd", "prompt", "session_state", "client_info", "error_description", "error_uri"];

pub fn routes(oauth: &Oauth) -> Routes {
    vec![
        Route::new(Method::GET, "/auth/v1/oauth/{provider}", "begin_oauth", oauth, begin)
            .access(Access::Public)
            .class(Class::Credentials)
            .query(begin_query())
            .summary(TAG, "Log in with a provider: the way there")
            .answers(StatusCode::FOUND, "To the provider", None)
            .errors(&[
                Code::NotFound,
                Code::BadQuery,
                Code::Unauthenticated,
                Code::FreshLoginRequired,
                Code::CsrfFailed,
                Code::IdentityRefused,
            ]),
        Route::new(Method::GET, "/auth/v1/oauth/{provider}/callback", "end_oauth", oauth, end)
            .access(Access::Public)
            .class(Class::Credentials)
            .query(end_query())
            .summary(TAG, "Log in with a provider: the way back")
            .answers(StatusCode::FOUND, "To where the log-in was to lead; the fragment says what came of it", None)
            .errors(&[Code::NotFound, Code::BadQuery, Code::InvalidToken]),
        Route::new(Method::POST, "/auth/v1/oauth/token", "fetch_oauth_tokens", oauth, fetch)
            .access(Access::Public)
            .class(Class::Credentials)
            .body(Schema::new(vec![
                Field::required("code", Kind::text(200)).describe("From the fragment; good once, for a minute"),
                Field::required("code_verifier", Kind::Text { min: 43, max: 128 })
                    .describe("What code_challenge was made of (RFC 7636)"),
            ]))
            .summary(TAG, "Trade the code of a log-in with a provider for tokens")
            .answers(
                StatusCode::OK,
                "The account and its tokens, or the challenge to answer first",
                Some(outcome_schema()),
            )
            .errors(&[Code::InvalidToken]),
        Route::new(Method::GET, "/auth/v1/me/identities", "list_identities", oauth, list)
            .summary(IDENTITIES, "One's linked identities, the oldest first")
            .answers(StatusCode::OK, "All of them", Some(list_schema())),
        Route::new(Method::DELETE, "/auth/v1/me/identities/{id}", "delete_identity", oauth, delete)
            .step_up(StepUp::FRESH)
            .summary(IDENTITIES, "Unlink an identity; wants a fresh log-in")
            .answers(StatusCode::NO_CONTENT, "It is unlinked", None)
            .errors(&[Code::NotFound, Code::LastWayIn]),
    ]
}

async fn begin(oauth: Oauth, call: Call) -> Result<Reply> {
    let is_link = call.query("link") == Some("true");
    if is_link {
        // The page of another site must not begin what changes who may enter.
        call.check_origin()?;
    }
    let challenge = challenge(&call)?;
    let cookie = oauth.logins().cookies().oauth("", 0);
    let browser = flow::browser(cookies::get(&call.headers, &cookie.name));
    let redirect_to = call.query("redirect_to");
    let begun = oauth.begin(&call.ctx, call.param("provider")?, redirect_to, challenge, is_link, browser).await?;
    redirect(&begun.url)?.cookie(&oauth.logins().cookies().oauth(&begun.browser, COOKIE_AGE))
}

/// Of the app that is to fetch the tokens. Without it, whoever sees the code could.
fn challenge(call: &Call) -> Result<Option<String>> {
    if call.query("transport") != Some("bearer") {
        return Ok(None);
    }
    let missing =
        || Error::new(Code::BadQuery).with_detail("transport=bearer wants a code_challenge (RFC 7636, S256).");
    call.query("code_challenge").map(|challenge| Some(challenge.to_owned())).ok_or_else(missing)
}

async fn end(oauth: Oauth, call: Call) -> Result<Reply> {
    let refused = || Error::new(Code::InvalidToken);
    let cookie = oauth.logins().cookies().oauth("", 0);
    let browser = flow::browser(cookies::get(&call.headers, &cookie.name)).ok_or_else(refused)?.to_owned();
    let state = call.query("state").ok_or_else(refused)?.to_owned();
    let flow = oauth.resume(&call.ctx, call.param("provider")?, state, browser).await?;
    let text = |name: &str| call.query(name).map(str::to_owned);
    let returned = Returned { code: text("code"), error: text("error"), issuer: text("iss") };
    let (target, is_denied) = (flow.redirect_to.clone(), returned.error.as_deref() == Some("access_denied"));
    let provider = flow.provider.clone();
    match oauth.finish(&call.ctx, flow, returned).await {
        Ok(Done::Outcome(Outcome::Granted(grant))) => oauth.logins().set_cookies(redirect(&target)?, &grant),
        Ok(Done::Outcome(Outcome::Challenged(challenge))) => {
            let methods: Vec<_> = challenge.kinds.iter().map(|kind| kind.as_str()).collect();
            let expires_in = challenge.expires_in.as_secs().to_string();
            let fields = [
                ("mfa_required", "true"),
                ("challenge_id", &challenge.id),
                ("methods", &methods.join(",")),
                ("expires_in", &expires_in),
            ];
            redirect(&with_fragment(&target, &fields))
        }
        Ok(Done::Code(code)) => redirect(&with_fragment(&target, &[("code", &code)])),
        Ok(Done::Linked) => redirect(&with_fragment(&target, &[("linked", &provider)])),
        Err(error) => {
            // The person is at the provider's door and not in a program: they are led home, and the page says what went wrong.
            tracing::warn!(target: "security", event = "oauth_failed", provider, ?error, request_id = call.ctx.request.id,
                "a log-in with a provider failed");
            let code = if is_denied { "access_denied" } else { error.code().as_str() };
            redirect(&with_fragment(&target, &[("error", code)]))
        }
    }
}

#[derive(Deserialize)]
struct FetchBody {
    code: String,
    code_verifier: String,
}

async fn fetch(oauth: Oauth, mut call: Call) -> Result<Reply> {
    let body: FetchBody = call.body()?;
    let outcome = oauth.fetch(&call.ctx, &body.code, &body.code_verifier).await?;
    oauth.logins().answer_outcome(&outcome, Transport::Bearer)
}

async fn list(oauth: Oauth, call: Call) -> Result<Reply> {
    Reply::ok(&json!({"items": oauth.list(&call.ctx).await?, "next": null}))
}

async fn delete(oauth: Oauth, call: Call) -> Result<Reply> {
    oauth.unlink(&call.ctx, call.id("id")?).await?;
    Ok(Reply::no_content())
}

fn redirect(url: &str) -> Result<Reply> {
    let reply = Reply { status: StatusCode::FOUND, ..Reply::no_content() };
    reply.header(header::LOCATION, url)
}

/// Fragments stay in the browser: no server on the way sees them.
fn with_fragment(url: &str, fields: &[(&str, &str)]) -> String {
    let fragment = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    format!("{url}#{fragment}")
}

fn begin_query() -> Vec<Field> {
    vec![
        Field::optional("redirect_to", Kind::text(2000))
            .describe("One of oauth.redirects; the root of the app by default"),
        Field::optional("transport", Kind::Enum(vec!["cookie".into(), "bearer".into()]))
            .describe("bearer: the fragment has a code to trade for tokens; cookie by default"),
        Field::optional("code_challenge", Kind::Text { min: 43, max: 43 })
            .describe("With transport=bearer: the SHA-256 of a code_verifier, in base64url (RFC 7636, S256)"),
        Field::optional("link", Kind::Bool).describe("Link one's own account instead; wants a fresh log-in"),
    ]
}

fn end_query() -> Vec<Field> {
    let field = |name: &str| Field::optional(name.to_owned(), Kind::text(LONG));
    ["state", "code", "error", "iss"].into_iter().chain(IGNORED).map(field).collect()
}

fn list_schema() -> Schema {
    let identity = Schema::new(vec![
        Field::required("id", Kind::Id("idn".into())),
        Field::required("provider", Kind::text(64)),
        Field::required("issuer", Kind::text(2000)),
        Field::required("email", Kind::text(320)).nullable().describe("As the provider last told it"),
        Field::required("created_at", Kind::Timestamp),
        Field::required("last_used_at", Kind::Timestamp),
    ]);
    let items = Kind::Array { items: Box::new(Kind::Object(identity)), max: 1000 };
    Schema::new(vec![Field::required("items", items), Field::required("next", Kind::text(1)).nullable()])
}
