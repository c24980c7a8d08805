//! What an audit entry says.
use kernel::{Uuid, Value};
use serde::Serialize;

/// One event: what was done to which thing, and the thing before and after. Never give it a secret.
#[derive(Clone, Debug)]
pub struct Entry {
    /// `thing.past_tense`, as `session.revoked`.
    pub action: &'static str,
    pub target_type: String,
    pub target_id: Option<Uuid>,
    pub before: Value,
    pub after: Value,
}

impl Entry {
    pub fn new(action: &'static str, target_type: impl Into<String>, target_id: impl Into<Value>) -> Self {
        let target_id = match target_id.into() {
            Value::Uuid(id) => Some(id),
            _ => None,
        };
        Self { action, target_type: target_type.into(), target_id, before: Value::Null, after: Value::Null }
    }

    #[must_use]
    pub fn before(mut self, before: impl Serialize) -> Self {
        self.before = json(&before);
        self
    }

    #[must_use]
    pub fn after(mut self, after: impl Serialize) -> Self {
        self.after = json(&after);
        self
    }
}

/// What cannot be written as JSON says so in its place: the event itself is not lost.
fn json(thing: &impl Serialize) -> Value {
    Value::Json(serde_json::to_string(thing).unwrap_or_else(|error| format!("{:?}", error.to_string())))
}
