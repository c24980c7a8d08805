//! HTTP of the invitations.
use kernel::{
    Code, Permission, Result, Secret, StepUp,
    id::{Invitation as OfInvitation, Kind as _, User as OfUser},
    schema::{Field, Kind, Schema},
};
use serde::Deserialize;
use web::{Access, Call, Class, Method, Reply, Route, Routes, StatusCode};

use super::{model::Acceptance, service::Invitations};
use crate::{
    accounts::{email_field, name_field, user_schema, username_field},
    cursor,
    passwords::{Assurance, MAX_BYTES},
};

const TAG: &str = "administration";
const PATH: &str = "/admin/v1/invitations";
/// Bytes; as for the log-ins.
const BODY_LIMIT: usize = 64 * 1024;

pub fn routes(invitations: &Invitations) -> Routes {
    let manage = Access::Permission(Permission::ManageUsers);
    let min_length = invitations.min_length(Assurance::PasswordAlone);
    let accepted = vec![
        Field::required("token", Kind::text(200)).describe("From the link"),
        Field::required("password", Kind::Text { min: min_length, max: MAX_BYTES }),
        username_field(),
        name_field(),
    ];
    vec![
        Route::new(Method::GET, PATH, "list_invitations", invitations, list)
            .access(manage)
            .query(cursor::query())
            .summary(TAG, "The invitations that can still be accepted, newest first")
            .answers(StatusCode::OK, "A page of invitations", Some(cursor::page_schema(invitation_schema())))
            .errors(&[Code::BadCursor]),
        Route::new(Method::POST, PATH, "create_invitation", invitations, create)
            .access(manage)
            .step_up(StepUp::FRESH)
            .body(Schema::new(vec![email_field(), Field { is_required: false, ..roles_field() }]))
            .summary(TAG, "Mail a link that creates an account; with roles, for whoever may give them")
            .answers(StatusCode::CREATED, "The invitation", Some(invitation_schema()))
            .errors(&[Code::EmailTaken]),
        Route::new(Method::DELETE, "/admin/v1/invitations/{id}", "delete_invitation", invitations, withdraw)
            .access(manage)
            .summary(TAG, "Withdraw an invitation: its link ends")
            .answers(StatusCode::NO_CONTENT, "It is withdrawn", None)
            .errors(&[Code::NotFound]),
        Route::new(Method::POST, "/auth/v1/invitations/accept", "accept_invitation", invitations, accept)
            .access(Access::Public)
            .class(Class::Credentials)
            .body_limit(BODY_LIMIT)
            .body(Schema::new(accepted))
            .summary("authentication", "Create the account that a mailed link offers")
            .answers(StatusCode::CREATED, "The account; nobody is logged in", Some(user_schema()))
            .errors(&[Code::InvalidToken, Code::EmailTaken, Code::UsernameTaken]),
    ]
}

fn roles_field() -> Field {
    Field::required("roles", Kind::Array { items: Box::new(Kind::Text { min: 1, max: 64 }), max: 100 })
}

fn invitation_schema() -> Schema {
    Schema::new(vec![
        Field::required("id", Kind::Id(OfInvitation::PREFIX.into())),
        email_field(),
        roles_field(),
        Field::required("invited_by", Kind::Id(OfUser::PREFIX.into())).nullable(),
        Field::required("created_at", Kind::Timestamp),
        Field::required("expires_at", Kind::Timestamp),
    ])
}

#[derive(Deserialize)]
struct CreateBody {
    email: String,
    #[serde(default)]
    roles: Vec<String>,
}

#[derive(Deserialize)]
struct AcceptBody {
    token: String,
    password: String,
    username: Option<String>,
    name: Option<String>,
}

async fn list(invitations: Invitations, call: Call) -> Result<Reply> {
    Reply::ok(&invitations.list(&call.ctx, call.limit()?, call.query("after")).await?)
}

async fn create(invitations: Invitations, mut call: Call) -> Result<Reply> {
    let CreateBody { email, roles } = call.body()?;
    Reply::json(StatusCode::CREATED, &invitations.create(&call.ctx, email, &roles).await?)
}

async fn withdraw(invitations: Invitations, call: Call) -> Result<Reply> {
    invitations.withdraw(&call.ctx, call.id("id")?).await?;
    Ok(Reply::no_content())
}

async fn accept(invitations: Invitations, mut call: Call) -> Result<Reply> {
    let AcceptBody { token, password, username, name } = call.body()?;
    let acceptance = Acceptance { password: Secret::new(password), username, name };
    Reply::json(StatusCode::CREATED, &invitations.accept(&call.ctx, &token, acceptance).await?)
}
