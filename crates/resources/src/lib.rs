//! The application's own data: what the app file declares becomes tables, rules and routes.
pub mod records;
pub mod schema;
pub mod search;

/// The slices of this crate, lowest first; each may call those before it.
pub const SLICES: [&str; 3] = ["search", "schema", "records"];

/// The migrations of this crate. Declared tables have none: they follow the declaration.
pub fn migrations() -> Vec<store::Migration> {
    [&schema::MIGRATIONS[..], &records::MIGRATIONS[..]].concat()
}
