//! Statement text and its parameters, grown together.
use kernel::{Uuid, Value};

use crate::schema::Resource;

pub(super) struct Sql {
    pub text: String,
    pub params: Vec<Value>,
}

impl Sql {
    pub fn new() -> Self {
        Self { text: String::with_capacity(256), params: Vec::new() }
    }

    pub fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Appends `$n` and keeps the value for it.
    pub fn value(&mut self, value: impl Into<Value>) {
        self.params.push(value.into());
        self.text.push('$');
        self.text.push_str(&self.params.len().to_string());
    }

    /// Appends `($n, $m, ...)`.
    pub fn ids(&mut self, ids: &[Uuid]) {
        for (index, id) in ids.iter().enumerate() {
            self.push(if index == 0 { "(" } else { ", " });
            self.value(*id);
        }
        self.push(")");
    }
}

/// Every column of the resource, quoted, in the order of a record's values.
pub(super) fn columns(resource: &Resource) -> String {
    let mut text = String::new();
    for (index, column) in resource.columns.iter().enumerate() {
        if index > 0 {
            text.push_str(", ");
        }
        text.push('"');
        text.push_str(&column.name);
        text.push('"');
    }
    text
}
