//! What every capability above leans on: the audit trail and the secrets.
pub mod audit;
pub mod secrets;

/// The slices of this crate, lowest first; each may call those before it.
pub const SLICES: [&str; 2] = ["audit", "secrets"];

/// What this crate adds to a database, in order.
pub fn migrations() -> Vec<store::Migration> {
    [audit::MIGRATIONS.as_slice(), secrets::MIGRATIONS.as_slice()].concat()
}
