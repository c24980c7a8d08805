//! The records that a question is about.
use std::sync::Arc;

use kernel::rule::Bound;

use crate::{
    schema::{Declaration, Resource},
    search::Query,
};

/// Those of one resource that the caller may see and asked for.
#[derive(Clone)]
pub(super) struct Scope {
    pub declaration: Arc<Declaration>,
    pub resource: Arc<Resource>,
    /// What the access rules ask of them.
    pub rule: Bound,
    /// What the caller asks of them.
    pub filter: Option<Bound>,
    pub search: Option<Search>,
    /// Whether they are the soft-deleted ones.
    pub is_deleted: bool,
}

/// What the caller looks for.
#[derive(Clone)]
pub(super) struct Search {
    pub query: Query,
    /// Which of the searched fields the caller sees, by their place among them; `None`: all.
    pub fields: Option<Vec<usize>>,
}

impl Scope {
    pub fn new(declaration: &Arc<Declaration>, resource: &Arc<Resource>, rule: Bound) -> Self {
        let (declaration, resource) = (Arc::clone(declaration), Arc::clone(resource));
        Self { declaration, resource, rule, filter: None, search: None, is_deleted: false }
    }
}
