//! The ceiling of `cargo xtask bench`: what the framework alone answers, with no database, no log-in, no rules and no log.
use std::net::Ipv4Addr;

use axum::{
    Router,
    body::Bytes,
    extract::{Path, RawQuery},
    http::{StatusCode, header::CONTENT_TYPE},
    response::IntoResponse,
    routing::get,
};
use serde_json::{Value as Json, json};
use tokio::net::TcpListener;

fn note(id: &str) -> Json {
    json!({
        "id": id, "owner_id": "usr_01m817qzcge009wdcrk9pbhb2z", "title": "What is written in a note",
        "body": "What is written in a note of no more than usual length, in words that say little and take their room, as words do",
        "created_at": "2026-01-01T00:00:00.000000Z", "updated_at": "2026-01-01T00:00:00.000000Z", "version": 1,
    })
}

fn json(status: StatusCode, body: &Json) -> impl IntoResponse + use<> {
    (status, [(CONTENT_TYPE, "application/json")], body.to_string())
}

async fn change(Path(id): Path<String>, body: Bytes) -> impl IntoResponse {
    let is_json = serde_json::from_slice::<Json>(&body).is_ok();
    json(if is_json { StatusCode::OK } else { StatusCode::BAD_REQUEST }, &note(&id))
}

async fn create(body: Bytes) -> impl IntoResponse {
    let is_json = serde_json::from_slice::<Json>(&body).is_ok();
    json(if is_json { StatusCode::CREATED } else { StatusCode::BAD_REQUEST }, &note("note_new"))
}

async fn list(RawQuery(_): RawQuery) -> impl IntoResponse {
    let items: Vec<Json> = (0..20).map(|number| note(&format!("note_{number}"))).collect();
    json(StatusCode::OK, &json!({"items": items, "next_cursor": "more"}))
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let port = std::env::args().nth(1).and_then(|port| port.parse().ok()).unwrap_or(8080);
    let one = get(|Path(id): Path<String>| async move { json(StatusCode::OK, &note(&id)) }).patch(change);
    let app = Router::new()
        .route("/readyz", get(|| async {}))
        .route("/api/v1/notes", get(list).post(create))
        .route("/api/v1/notes/{id}", one);
    axum::serve(TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?, app).await
}
