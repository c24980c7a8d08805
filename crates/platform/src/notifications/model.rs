//! What can be sent, and the form it has in the outbox.
use kernel::{Error, Result, Secret, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{
    address::{Mailbox, Phone},
    template::Template,
};

/// A mail to one person.
#[derive(Clone, Debug)]
pub struct Mail {
    pub to: Mailbox,
    pub template: Template,
    /// An object with what the template [needs](Template::values). Links in it come from [`link`](super::Notifications::link).
    pub values: Json,
    /// When it is of no use any more.
    pub expires_at: Option<Timestamp>,
}

/// A short message to a telephone.
#[derive(Clone, Debug)]
pub struct Sms {
    pub to: Phone,
    pub template: Template,
    pub values: Json,
    pub expires_at: Option<Timestamp>,
}

/// A payload of the outbox.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Payload {
    pub to: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub template: String,
    pub values: Json,
    /// Written and thrown away: see [`pretend`](super::Notifications::pretend).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_pretence: bool,
}

impl Payload {
    pub(super) fn seal(&self) -> Result<Secret<Vec<u8>>> {
        serde_json::to_vec(self).map(Secret::new).map_err(Error::internal)
    }

    pub(super) fn open(payload: &Secret<Vec<u8>>) -> Result<Self> {
        serde_json::from_slice(payload.expose()).map_err(Error::internal)
    }
}
