//! Types of the invitations.
use kernel::{InvitationId, Secret, Timestamp, UserId};
use serde::Serialize;

/// An account that is offered, as administrators see it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Invitation {
    pub id: InvitationId,
    pub email: String,
    /// What the account will hold.
    pub roles: Vec<String>,
    /// Absent where the server's command line did.
    pub invited_by: Option<UserId>,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

/// What whoever is invited chooses.
pub(super) struct Acceptance {
    pub password: Secret<String>,
    pub username: Option<String>,
    pub name: Option<String>,
}
