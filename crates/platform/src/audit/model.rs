//! What an audit entry says.
use kernel::{Uuid, Value};
use serde_json::Value as Json;

/// One event: what was done to which thing, and the thing before and after. Never give it a secret.
#[derive(Clone, Debug)]
pub struct Entry {
    /// `thing.past_tense`, as `session.revoked`.
    pub action: &'static str,
    pub target_type: String,
    pub target_id: Option<Uuid>,
    pub before: Option<Json>,
    pub after: Option<Json>,
}

impl Entry {
    pub fn new(action: &'static str, target_type: impl Into<String>, target_id: impl Into<Value>) -> Self {
        let target_id = match target_id.into() {
            Value::Uuid(id) => Some(id),
            _ => None,
        };
        Self { action, target_type: target_type.into(), target_id, before: None, after: None }
    }

    #[must_use]
    pub fn before(mut self, before: Json) -> Self {
        self.before = Some(before);
        self
    }

    #[must_use]
    pub fn after(mut self, after: Json) -> Self {
        self.after = Some(after);
        self
    }
}
