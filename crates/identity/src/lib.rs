//! Identity: accounts, passwords, sessions, tokens, API keys and roles.
pub mod accounts;
pub mod api_keys;
pub mod credentials;
mod cursor;
pub mod devices;
pub mod factors;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
pub mod guard;
mod identity;
pub mod invitations;
pub mod keys;
pub mod logins;
pub mod notices;
pub mod oauth;
pub mod passkeys;
pub mod passwords;
pub mod places;
mod recent;
pub mod roles;
pub mod sessions;
pub mod tokens;

pub use accounts::{AccountKeeper, Imported, NewAccount, Seen, State, User, import_schema};
pub use identity::{Identity, Messenger, Settings};
pub use logins::{OnSuspicion, Registration};
pub use notices::Pages;
pub use passwords::{BreachedRange, RangeService};
pub use places::Places;
pub use roles::RoleTerms;
pub use sessions::{Lifetimes, SessionView};

/// The slices of this crate, lowest first; each may call those before it.
pub const SLICES: [&str; 17] = [
    "keys",
    "guard",
    "places",
    "devices",
    "passwords",
    "roles",
    "sessions",
    "api_keys",
    "tokens",
    "accounts",
    "notices",
    "factors",
    "logins",
    "credentials",
    "invitations",
    "oauth",
    "passkeys",
];

/// What this crate adds to a database, in order.
pub fn migrations() -> Vec<store::Migration> {
    [
        keys::MIGRATIONS.as_slice(),
        accounts::MIGRATIONS.as_slice(),
        roles::MIGRATIONS.as_slice(),
        sessions::MIGRATIONS.as_slice(),
        devices::MIGRATIONS.as_slice(),
        api_keys::MIGRATIONS.as_slice(),
        notices::MIGRATIONS.as_slice(),
        factors::MIGRATIONS.as_slice(),
        logins::MIGRATIONS.as_slice(),
        // Whatever is built in: a database does not change with the features of who opens it.
        oauth::MIGRATIONS.as_slice(),
        passkeys::MIGRATIONS.as_slice(),
        invitations::MIGRATIONS.as_slice(),
    ]
    .concat()
}
