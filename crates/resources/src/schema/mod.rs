//! The declaration: resources as the app file describes them, and the tables that follow from it.
mod file;
mod index;
mod model;
mod parse;
mod plan;
mod reader;
mod roles;
mod rules;
mod service;
mod shape;
mod sound;
mod step;
mod store;
#[cfg(test)]
mod tests;

pub use file::MigrationFile;
pub use index::{Index, Predicate};
pub use model::{
    Column, Declaration, DeclaredRole, OnDelete, Operation, Owner, Reference, Resource, Rules, Stamp, place,
};
pub use parse::{Problem, parse};
pub use plan::{Plan, Undeclared};
pub use service::{
    Preview, Section, Standing, Ways, apply, apply_destructive, apply_files, diff, make_recorded, make_searches,
    preview, settle_files, standing,
};
pub use shape::{Physical, unique_index};
pub use step::Step;
pub use store::{Statement, Work};

/// This slice's migrations: the record of declared tables first, then that of migration files.
pub const MIGRATIONS: [::store::Migration; 2] = [
    ::store::Migration {
        id: "202611210730_create_declared_tables",
        sql: include_str!("migrations/202611210730_create_declared_tables.sql"),
    },
    ::store::Migration {
        id: "202611211130_create_declared_migrations",
        sql: include_str!("migrations/202611211130_create_declared_migrations.sql"),
    },
];
