//! Secrets: everything secret derives from one master key by purpose, or is stored sealed under it.
mod derive;
mod keyring;
mod mac;
mod seal;
mod service;
mod store;
mod stored_key;
mod stream;

pub use keyring::Keyring;
pub use mac::MacKey;
pub use service::{Master, adopt_master, check_master, compare_master};
pub use stored_key::StoredKey;
pub use stream::{Opening, Sealing};

/// This slice's migrations.
pub const MIGRATIONS: [::store::Migration; 2] = [
    ::store::Migration {
        id: "202611210701_create_master_key",
        sql: include_str!("migrations/202611210701_create_master_key.sql"),
    },
    ::store::Migration {
        id: "202611211730_create_stored_key",
        sql: include_str!("migrations/202611211730_create_stored_key.sql"),
    },
];
