//! HTTP of the roles.
use kernel::{
    Permission, Result,
    schema::{Field, Kind, Schema},
};
use web::{Access, Call, Method, Reply, Route, Routes, StatusCode};

use super::service::Roles;
use crate::cursor;

pub fn routes(roles: &Roles) -> Routes {
    vec![
        Route::new(Method::GET, "/admin/v1/roles", "list_roles", roles, list)
            .access(Access::Permission(Permission::ManageRoles))
            .summary("administration", "The roles that accounts can be given, and what each permits")
            .answers(StatusCode::OK, "All of them, by name", Some(cursor::page_schema(role_schema()))),
    ]
}

fn role_schema() -> Schema {
    let permissions = Permission::ALL.map(|permission| permission.as_str().into());
    let permissions = Kind::Array { items: Box::new(Kind::Enum(permissions.into())), max: Permission::ALL.len() };
    Schema::new(vec![
        Field::required("name", Kind::Text { min: 1, max: 64 }),
        Field::required("description", Kind::text(500)).nullable(),
        Field::required("permissions", permissions),
        Field::required("requires_mfa", Kind::Bool),
    ])
}

async fn list(roles: Roles, call: Call) -> Result<Reply> {
    Reply::ok(&roles.list(&call.ctx)?)
}
