//! HTTP for health.
use kernel::{
    Error, Result,
    schema::{Field, Kind, Schema},
};
use serde_json::json;
use web::{Access, Call, Class, Method, Reply, Route, Routes, StatusCode};

use super::Health;

pub fn routes(health: &Health) -> Routes {
    let status = || Schema::new(vec![Field::required("status", Kind::text(20))]);
    let mut detail = status();
    detail.fields.extend([
        Field::optional("started_at", Kind::Timestamp),
        Field::optional("uptime_seconds", Kind::any_int()),
        Field::optional("parts", Kind::Json { max_bytes: 10_000 }),
    ]);
    vec![
        Route::new(Method::GET, "/livez", "live", health, live)
            .access(Access::Public)
            .class(Class::Probe)
            .summary("health", "The process is alive.")
            .answers(StatusCode::OK, "It is.", Some(status())),
        Route::new(Method::GET, "/readyz", "ready", health, ready)
            .access(Access::Public)
            .class(Class::Probe)
            .summary("health", "The process may take traffic.")
            .answers(StatusCode::OK, "It may.", Some(status())),
        Route::new(Method::GET, "/health", "health", health, report)
            .access(Access::Public)
            .summary("health", "How the server is; administrators see its parts.")
            .answers(StatusCode::OK, "The state.", Some(detail)),
    ]
}

async fn live(_: Health, _: Call) -> Result<Reply> {
    Reply::ok(&json!({"status": "ok"}))
}

async fn ready(health: Health, _: Call) -> Result<Reply> {
    if health.is_ready().await {
        return Reply::ok(&json!({"status": "ok"}));
    }
    Err(Error::unavailable("it drains, or its database is away"))
}

async fn report(health: Health, call: Call) -> Result<Reply> {
    Reply::ok(&health.report(&call.ctx).await?)
}
