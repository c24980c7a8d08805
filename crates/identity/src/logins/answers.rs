//! What a log-in answers: tokens in the body, or in cookies and not in the body.
use kernel::{
    Result,
    schema::{Field, Kind, Schema},
};
use serde::Serialize;
use web::{Reply, StatusCode, header};

use super::{
    cookies::Values,
    model::{Grant, Outcome},
    service::Logins,
};
use crate::{
    accounts::{User, user_schema},
    factors::FactorKind,
    sessions::Transport,
};

#[derive(Serialize)]
struct Answer<'a> {
    user: &'a User,
    #[serde(flatten)]
    tokens: Option<AnswerTokens<'a>>,
    /// Seconds until the access token ends.
    expires_in: u64,
}

#[derive(Serialize)]
struct AnswerTokens<'a> {
    access_token: &'a str,
    refresh_token: &'a str,
    token_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_token: Option<&'a str>,
}

#[derive(Serialize)]
struct ChallengeAnswer<'a> {
    mfa_required: bool,
    challenge_id: &'a str,
    methods: &'a [FactorKind],
    /// Seconds until the challenge ends.
    expires_in: u64,
}

impl Logins {
    pub(crate) fn answer(&self, status: StatusCode, grant: &Grant, transport: Transport) -> Result<Reply> {
        let tokens = (transport == Transport::Bearer).then_some(AnswerTokens {
            access_token: &grant.access_token,
            refresh_token: &grant.refresh_token,
            token_type: "Bearer",
            device_token: grant.device_token.as_deref(),
        });
        let answer = Answer { user: &grant.user, tokens, expires_in: grant.expires_in.as_secs().max(1) };
        let mut reply = Reply::json(status, &answer)?;
        if status == StatusCode::CREATED {
            reply = reply.header(header::LOCATION, "/auth/v1/me")?;
        }
        match transport {
            Transport::Bearer => Ok(reply),
            Transport::Cookie => self.set_cookies(reply, grant),
        }
    }

    pub(crate) fn answer_outcome(&self, outcome: &Outcome, transport: Transport) -> Result<Reply> {
        match outcome {
            Outcome::Granted(grant) => self.answer(StatusCode::OK, grant, transport),
            Outcome::Challenged(challenge) => Reply::ok(&ChallengeAnswer {
                mfa_required: true,
                challenge_id: &challenge.id,
                methods: &challenge.kinds,
                expires_in: challenge.expires_in.as_secs(),
            }),
        }
    }

    pub(crate) fn set_cookies(&self, reply: Reply, grant: &Grant) -> Result<Reply> {
        let values = Values {
            access: &grant.access_token,
            access_ttl: grant.expires_in,
            refresh: &grant.refresh_token,
            csrf: &self.tokens().csrf(grant.session.id),
            refresh_ttl: grant.session.expires_at.since(grant.session.last_seen_at),
        };
        let reply = self.cookies().set(reply, &values)?;
        match &grant.device_token {
            Some(token) => self.cookies().set_device(reply, token),
            None => Ok(reply),
        }
    }
}

/// The shape of what a first factor is answered: tokens, or what is to be proven next.
pub(crate) fn outcome_schema() -> Schema {
    let kinds = FactorKind::ALL.into_iter().chain([FactorKind::Passkey]).map(|kind| kind.as_str().into());
    let methods = Kind::Array { items: Box::new(Kind::Enum(kinds.collect())), max: FactorKind::ALL.len() + 1 };
    let mut schema = grant_schema();
    for field in &mut schema.fields {
        field.is_required = field.name == "expires_in";
    }
    schema.fields.push(Field::optional("mfa_required", Kind::Bool).describe("True when a second factor is due"));
    schema.fields.push(Field::optional("challenge_id", Kind::text(200)));
    schema.fields.push(Field::optional("methods", methods));
    schema
}

/// The shape of a log-in's answer; with cookies the tokens are not in it.
pub(crate) fn grant_schema() -> Schema {
    Schema::new(vec![
        Field::required("user", Kind::Object(user_schema())),
        Field::optional("access_token", Kind::text(2048)),
        Field::optional("refresh_token", Kind::text(200)),
        Field::optional("token_type", Kind::Enum(vec!["Bearer".into()])),
        Field::optional("device_token", Kind::text(100))
            .describe("Keep it and send it as X-Device-Token with log-ins: the device is known by it"),
        Field::required("expires_in", Kind::Int { min: 1, max: i64::MAX })
            .describe("Seconds until the access token ends"),
    ])
}
