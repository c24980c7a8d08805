//! A tour of Hardpan's own routes in a scratch database, so that their statements are heard.
use http_body_util::BodyExt as _;
use kernel::{Error, Result, Secret};
use serde_json::{Value as Json, json};
use web::{HttpBody, Method, Request, header};

use crate::assemble::{Part, Purge, Server};

const PASSWORD: &str = "a scratch password of no account";

/// Whoever calls, and what they call with.
struct Tourist<'a> {
    server: &'a Server,
    token: String,
}

/// Registers, logs in and out, looks at what there is, administers, and removes what is over.
pub(super) async fn walk(server: &Server) -> Result<()> {
    let ctx = server.source.system("plans");
    let account = |email: &str| identity::NewAccount {
        email: email.to_owned(),
        username: None,
        name: None,
        password: Secret::new(PASSWORD.to_owned()),
    };
    let admin = server.identity.create_user(&ctx, account("admin@example.com"), &["admin".to_owned()]).await?;
    server.identity.find_by_email(&ctx, "admin@example.com").await?;
    let mut tourist = Tourist { server, token: String::new() };
    let ann = json!({"email": "ann@example.com", "password": PASSWORD});
    tourist.call(Method::POST, "/auth/v1/register", &ann).await?;
    let tokens = tourist.call(Method::POST, "/auth/v1/login", &ann).await?;
    let refresh = json!({"refresh_token": tokens["refresh_token"]});
    let tokens = tourist.call(Method::POST, "/auth/v1/refresh", &refresh).await?;
    tourist.token = tokens["access_token"].as_str().unwrap_or_default().to_owned();
    let sessions = tourist.call(Method::GET, "/auth/v1/sessions?limit=1", &Json::Null).await?;
    let next = sessions["next"].as_str().unwrap_or_default().to_owned();
    for (method, path, body) in [
        (Method::GET, "/auth/v1/me".to_owned(), Json::Null),
        (Method::PATCH, "/auth/v1/me".to_owned(), json!({"name": "Ann"})),
        (Method::GET, format!("/auth/v1/sessions?limit=1&after={next}"), Json::Null),
        (Method::DELETE, "/auth/v1/sessions".to_owned(), Json::Null),
        (Method::POST, "/auth/v1/logout".to_owned(), json!({"refresh_token": tokens["refresh_token"]})),
    ] {
        tourist.call(method, &path, &body).await?;
    }
    let login = json!({"email": "admin@example.com", "password": PASSWORD});
    let tokens = tourist.call(Method::POST, "/auth/v1/login", &login).await?;
    tourist.token = tokens["access_token"].as_str().unwrap_or_default().to_owned();
    let users = tourist.call(Method::GET, "/admin/v1/users?limit=1", &Json::Null).await?;
    let next = users["next"].as_str().unwrap_or_default().to_owned();
    let one = format!("/admin/v1/users/{}", admin.id);
    for (method, path, body) in [
        (Method::GET, format!("/admin/v1/users?limit=1&after={next}"), Json::Null),
        (Method::GET, one.clone(), Json::Null),
        (Method::PUT, format!("{one}/roles"), json!({"roles": ["admin"]})),
        (Method::GET, format!("{one}/sessions"), Json::Null),
        (Method::DELETE, format!("{one}/sessions"), Json::Null),
        (Method::DELETE, "/auth/v1/me".to_owned(), Json::Null),
    ] {
        tourist.call(method, &path, &body).await?;
    }
    Purge::new(&server.source, &server.records, &server.identity).run(&Part::ALL, &|_, _| ()).await.map(|_| ())
}

impl Tourist<'_> {
    /// The answer's body. A refusal is an answer too: what was asked of the database until then was heard.
    async fn call(&self, method: Method, path: &str, body: &Json) -> Result<Json> {
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, "127.0.0.1");
        if !self.token.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", self.token));
        }
        let body = if body.is_null() { String::new() } else { body.to_string() };
        if !body.is_empty() {
            request =
                request.header(header::CONTENT_TYPE, "application/json").header(header::CONTENT_LENGTH, body.len());
        }
        let request = request.body(HttpBody::from(body)).map_err(Error::internal)?;
        let answer = self.server.app.call(request, ([127, 0, 0, 1], 1).into()).await;
        let status = answer.status();
        let body = answer.into_body().collect().await.map_err(Error::internal)?.to_bytes();
        tracing::debug!(path, %status, "toured");
        Ok(serde_json::from_slice(&body).unwrap_or(Json::Null))
    }
}
