//! HTTP of the administration of accounts.
use kernel::{
    Code, Permission, Result, StepUp,
    schema::{Field, Kind, Schema},
};
use serde::Deserialize;
use web::{Access, Call, Method, Reply, Route, Routes, StatusCode};

use super::{
    routes::{accepts, user_schema},
    service::Accounts,
};
use crate::{api_keys::api_key_schema, cursor, sessions::session_schema};

const TAG: &str = "administration";

pub(super) fn routes(accounts: &Accounts) -> Routes {
    let read = Access::Permission(Permission::ReadUsers);
    let manage_sessions = Access::Permission(Permission::ManageSessions);
    let manage_api_keys = Access::Permission(Permission::ManageApiKeys);
    let keys_path = "/admin/v1/users/{id}/api-keys";
    let key_path = "/admin/v1/users/{id}/api-keys/{key_id}";
    let sessions_path = "/admin/v1/users/{id}/sessions";
    vec![
        Route::new(Method::GET, "/admin/v1/users", "list_users", accounts, list)
            .access(read)
            .query(cursor::query())
            .summary(TAG, "All accounts, newest first")
            .answers(StatusCode::OK, "A page of accounts", Some(cursor::page_schema(user_schema())))
            .errors(&[Code::BadCursor]),
        Route::new(Method::GET, "/admin/v1/users/{id}", "get_user", accounts, get)
            .access(read)
            .summary(TAG, "One account")
            .answers(StatusCode::OK, "The account", Some(user_schema()))
            .etag()
            .errors(&[Code::NotFound]),
        Route::new(Method::PUT, "/admin/v1/users/{id}/roles", "set_user_roles", accounts, set_roles)
            .access(Access::Permission(Permission::ManageRoles))
            // What is given lasts. Ending sessions and keys gains nobody anything, and must be quick: that wants no fresh proof.
            .step_up(StepUp::FRESH)
            .body(roles_schema())
            .summary(TAG, "Give an account exactly these roles, effective at once")
            .answers(StatusCode::OK, "The account as it is now", Some(user_schema()))
            .etag()
            .errors(&[Code::NotFound, Code::LastAdministrator, Code::VersionMismatch]),
        Route::new(Method::GET, sessions_path, "list_user_sessions", accounts, list_sessions)
            .access(manage_sessions)
            .query(cursor::query())
            .summary(TAG, "The live sessions of an account, newest first")
            .answers(StatusCode::OK, "A page of sessions", Some(cursor::page_schema(session_schema())))
            .errors(&[Code::NotFound, Code::BadCursor]),
        Route::new(Method::DELETE, sessions_path, "delete_user_sessions", accounts, delete_sessions)
            .access(manage_sessions)
            .summary(TAG, "End every session of an account")
            .answers(StatusCode::NO_CONTENT, "They are ended", None)
            .errors(&[Code::NotFound]),
        Route::new(Method::GET, keys_path, "list_user_api_keys", accounts, list_api_keys)
            .access(manage_api_keys)
            .query(cursor::query())
            .summary(TAG, "The API keys of an account, newest first")
            .answers(StatusCode::OK, "A page of keys", Some(cursor::page_schema(api_key_schema())))
            .errors(&[Code::NotFound, Code::BadCursor]),
        Route::new(Method::DELETE, key_path, "delete_user_api_key", accounts, delete_api_key)
            .access(manage_api_keys)
            .summary(TAG, "End an API key of an account")
            .answers(StatusCode::NO_CONTENT, "It is ended", None)
            .errors(&[Code::NotFound]),
        Route::new(Method::DELETE, keys_path, "delete_user_api_keys", accounts, delete_api_keys)
            .access(manage_api_keys)
            .summary(TAG, "End every API key of an account")
            .answers(StatusCode::NO_CONTENT, "They are ended", None)
            .errors(&[Code::NotFound]),
    ]
}

#[derive(Deserialize)]
struct RolesBody {
    roles: Vec<String>,
}

fn roles_schema() -> Schema {
    let roles = Kind::Array { items: Box::new(Kind::Text { min: 1, max: 64 }), max: 100 };
    Schema::new(vec![Field::required("roles", roles)])
}

async fn list(accounts: Accounts, call: Call) -> Result<Reply> {
    Reply::ok(&accounts.list(&call.ctx, call.limit()?, call.query("after")).await?)
}

async fn get(accounts: Accounts, call: Call) -> Result<Reply> {
    let user = accounts.get(&call.ctx, call.id("id")?).await?;
    Reply::ok(&user)?.etag(user.version)
}

async fn set_roles(accounts: Accounts, mut call: Call) -> Result<Reply> {
    let (user_id, accepts) = (call.id("id")?, accepts(&call)?);
    let body: RolesBody = call.body()?;
    let user = accounts.set_roles(&call.ctx, user_id, &body.roles, accepts).await?;
    Reply::ok(&user)?.etag(user.version)
}

async fn list_sessions(accounts: Accounts, call: Call) -> Result<Reply> {
    let (limit, after) = (call.limit()?, call.query("after"));
    Reply::ok(&accounts.list_sessions(&call.ctx, call.id("id")?, limit, after).await?)
}

async fn delete_sessions(accounts: Accounts, call: Call) -> Result<Reply> {
    accounts.revoke_sessions(&call.ctx, call.id("id")?).await?;
    Ok(Reply::no_content())
}

async fn list_api_keys(accounts: Accounts, call: Call) -> Result<Reply> {
    let (limit, after) = (call.limit()?, call.query("after"));
    Reply::ok(&accounts.list_api_keys(&call.ctx, call.id("id")?, limit, after).await?)
}

async fn delete_api_keys(accounts: Accounts, call: Call) -> Result<Reply> {
    accounts.revoke_api_keys(&call.ctx, call.id("id")?).await?;
    Ok(Reply::no_content())
}

async fn delete_api_key(accounts: Accounts, call: Call) -> Result<Reply> {
    accounts.revoke_api_key(&call.ctx, call.id("id")?, call.id("key_id")?).await?;
    Ok(Reply::no_content())
}
