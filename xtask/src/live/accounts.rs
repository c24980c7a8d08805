//! Accounts of the program under test.
use serde_json::json;

use super::http::Client;

pub const PASSWORD: &str = "correct horse battery staple";

/// An account and the access token of its first session.
pub struct Registered {
    pub id: String,
    pub token: String,
}

/// Errors: any other answer than 201 with a token.
pub async fn register(client: &mut Client, email: &str) -> Result<Registered, String> {
    let body = json!({"email": email, "password": PASSWORD});
    let answer = client.post("/auth/v1/register", &body).await.map_err(|failure| format!("register: {failure}"))?;
    match (answer.body["user"]["id"].as_str(), answer.body["access_token"].as_str()) {
        (Some(id), Some(token)) => Ok(Registered { id: id.to_owned(), token: token.to_owned() }),
        _ => Err(format!("register: {} {}", answer.status, answer.body)),
    }
}

/// The access token of an account. Errors: any other answer than 200 with a token.
pub async fn log_in(client: &mut Client, email: &str, password: &str) -> Result<String, String> {
    let answer = client.post("/auth/v1/login", &json!({"email": email, "password": password})).await;
    let answer = answer.map_err(|failure| format!("log-in: {failure}"))?;
    let token = answer.body["access_token"].as_str();
    token.map(str::to_owned).ok_or_else(|| format!("log-in: {} {}", answer.status, answer.body))
}
