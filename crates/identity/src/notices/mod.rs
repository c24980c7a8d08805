//! Notices: messages to the owners of accounts, with links and codes that work once, or to tell them what was changed.
mod codes;
mod model;
mod service;
mod store;

pub(crate) use codes::Recipient;
pub(crate) use model::{Letter, Told};
pub use model::{Page, Pages};
pub use service::Notices;
pub(crate) use service::{mailbox, read};

/// This slice's migrations.
pub const MIGRATIONS: [::store::Migration; 1] = [::store::Migration {
    id: "202611211610_create_sendings",
    sql: include_str!("migrations/202611211610_create_sendings.sql"),
}];
