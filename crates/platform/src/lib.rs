//! What every capability above leans on: the audit trail, the secrets, single-use things, the outbox and what leaves by it.
pub mod audit;
pub mod notifications;
pub mod outbox;
pub mod secrets;
pub mod single_use;

/// The slices of this crate, lowest first; each may call those before it.
pub const SLICES: [&str; 5] = ["audit", "secrets", "single_use", "outbox", "notifications"];

/// What this crate adds to a database, in order.
pub fn migrations() -> Vec<store::Migration> {
    [
        audit::MIGRATIONS.as_slice(),
        secrets::MIGRATIONS.as_slice(),
        single_use::MIGRATIONS.as_slice(),
        outbox::MIGRATIONS.as_slice(),
    ]
    .concat()
}
