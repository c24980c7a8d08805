//! HTTP of one's own sessions.
use kernel::{
    Code, Method as MethodName, Result,
    schema::{Field, Kind, Schema},
};
use web::{Call, Method, Reply, Route, Routes, StatusCode};

use super::service::Sessions;
use crate::cursor;

const TAG: &str = "sessions";

pub fn routes(sessions: &Sessions) -> Routes {
    vec![
        Route::new(Method::GET, "/auth/v1/sessions", "list_sessions", sessions, list)
            .query(cursor::query())
            .summary(TAG, "One's own live sessions, newest first")
            .answers(StatusCode::OK, "A page of sessions", Some(cursor::page_schema(session_schema())))
            .errors(&[Code::BadCursor]),
        Route::new(Method::DELETE, "/auth/v1/sessions", "delete_other_sessions", sessions, delete_others)
            .summary(TAG, "End all other sessions")
            .answers(StatusCode::NO_CONTENT, "They are ended", None),
        Route::new(Method::DELETE, "/auth/v1/sessions/{id}", "delete_session", sessions, delete)
            .summary(TAG, "End one session")
            .answers(StatusCode::NO_CONTENT, "It is ended", None)
            .errors(&[Code::NotFound]),
    ]
}

async fn list(sessions: Sessions, call: Call) -> Result<Reply> {
    let user_id = call.ctx.actor.require_login()?.user_id;
    Reply::ok(&sessions.list(&call.ctx, user_id, call.limit()?, call.query("after")).await?)
}

async fn delete(sessions: Sessions, call: Call) -> Result<Reply> {
    sessions.revoke(&call.ctx, call.id("id")?).await?;
    Ok(Reply::no_content())
}

async fn delete_others(sessions: Sessions, call: Call) -> Result<Reply> {
    sessions.revoke_others(&call.ctx).await?;
    Ok(Reply::no_content())
}

/// The shape of [`super::SessionView`].
pub fn session_schema() -> Schema {
    let methods = MethodName::ALL.into_iter().map(|method| method.as_str().into()).collect();
    Schema::new(vec![
        Field::required("id", Kind::Id("ses".into())),
        Field::required("created_at", Kind::Timestamp),
        Field::required("last_seen_at", Kind::Timestamp).describe("The last use, to the minute"),
        Field::required("expires_at", Kind::Timestamp).describe("Unless it is refreshed before"),
        Field::required("address", Kind::text(64)).nullable().describe("Of the log-in"),
        Field::required("country", Kind::text(2))
            .nullable()
            .describe("Where that address is, by ISO 3166-1, if it is known"),
        Field::required("last_address", Kind::text(64)).nullable().describe("Of the last use"),
        Field::required("user_agent", Kind::text(256)).nullable(),
        Field::required("device_id", Kind::Id("dev".into()))
            .nullable()
            .describe("Where it was begun; null when that is forgotten"),
        Field::required("trusted_until", Kind::Timestamp)
            .nullable()
            .describe("Until then that device is asked for no second factor"),
        Field::required("transport", Kind::Enum(vec!["bearer".into(), "cookie".into()])),
        Field::required("amr", Kind::Array { items: Box::new(Kind::Enum(methods)), max: MethodName::ALL.len() })
            .describe("What was proven, as RFC 8176 names it"),
        Field::required("is_current", Kind::Bool).describe("Whether this session asks"),
    ])
}
