//! What a log-in answers: tokens in the body, or in cookies and not in the body.
use kernel::{
    Result,
    schema::{Field, Kind, Schema},
};
use serde::Serialize;
use web::{Reply, StatusCode, header};

use super::{cookies::Values, model::Grant, service::Logins};
use crate::{
    accounts::{User, user_schema},
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
}

impl Logins {
    pub(super) fn answer(&self, status: StatusCode, grant: &Grant, transport: Transport) -> Result<Reply> {
        let tokens = (transport == Transport::Bearer).then_some(AnswerTokens {
            access_token: &grant.access_token,
            refresh_token: &grant.refresh_token,
            token_type: "Bearer",
        });
        let answer = Answer { user: &grant.user, tokens, expires_in: grant.expires_in.as_secs() };
        let mut reply = Reply::json(status, &answer)?;
        if status == StatusCode::CREATED {
            reply = reply.header(header::LOCATION, "/auth/v1/me")?;
        }
        if transport == Transport::Bearer { Ok(reply) } else { self.set_cookies(reply, grant) }
    }

    fn set_cookies(&self, reply: Reply, grant: &Grant) -> Result<Reply> {
        let values = Values {
            access: &grant.access_token,
            access_ttl: grant.expires_in,
            refresh: &grant.refresh_token,
            csrf: &self.tokens().csrf(grant.session.id),
            refresh_ttl: grant.session.expires_at.since(grant.session.last_seen_at),
        };
        self.cookies().set(reply, &values)
    }
}

/// The shape of a log-in's answer; with cookies the tokens are not in it.
pub(super) fn grant_schema() -> Schema {
    Schema::new(vec![
        Field::required("user", Kind::Object(user_schema())),
        Field::optional("access_token", Kind::text(2048)),
        Field::optional("refresh_token", Kind::text(200)),
        Field::optional("token_type", Kind::Enum(vec!["Bearer".into()])),
        Field::required("expires_in", Kind::Int { min: 1, max: i64::MAX })
            .describe("Seconds until the access token ends"),
    ])
}
