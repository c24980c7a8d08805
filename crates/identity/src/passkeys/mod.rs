//! Passkeys: WebAuthn credentials, as the whole log-in and as a second factor. Ceremonies are built in with the feature `passkeys`;
//! without it those that were registered are still listed, removed, and counted as factors.
#[cfg(feature = "passkeys")]
pub(crate) mod ceremonies;
#[cfg_attr(not(feature = "passkeys"), expect(dead_code, reason = "ceremonies are not built in"))]
mod model;
mod routes;
#[cfg_attr(not(feature = "passkeys"), expect(dead_code, reason = "ceremonies are not built in"))]
mod service;
#[cfg_attr(not(feature = "passkeys"), expect(dead_code, reason = "ceremonies are not built in"))]
mod store;

pub use model::PasskeyView;
pub use routes::routes;
pub use service::{Keeper, Passkeys};

/// This slice's migrations.
pub const MIGRATIONS: [::store::Migration; 1] = [::store::Migration {
    id: "202611211550_create_passkeys",
    sql: include_str!("migrations/202611211550_create_passkeys.sql"),
}];
