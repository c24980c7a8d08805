//! The declaration: resources as the app file describes them, and the tables that follow from it.
mod model;
mod parse;
mod plan;
mod reader;
mod rules;
mod service;
mod shape;
mod step;
mod store;
#[cfg(test)]
mod tests;

pub use model::{Column, Declaration, OnDelete, Operation, Owner, Reference, Resource, Rules, place};
pub use parse::{Problem, parse};
pub use plan::{Plan, Undeclared};
pub use service::{apply, apply_destructive, plan};
pub use shape::unique_index;
pub use step::Step;

/// This slice's migrations.
pub const MIGRATIONS: [::store::Migration; 1] = [::store::Migration {
    id: "202611210730_create_declared_tables",
    sql: include_str!("migrations/202611210730_create_declared_tables.sql"),
}];
