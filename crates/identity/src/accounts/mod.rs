//! Accounts: the people who log in, their profile, and what administrators may do with them.
mod admin;
mod admin_routes;
mod changes;
mod deletion;
#[cfg(feature = "oidc")]
mod federated;
mod import;
mod model;
mod profile;
mod routes;
mod service;
mod store;

pub use deletion::AccountKeeper;
pub use import::{Imported, Seen, import_schema};
pub use model::{NewAccount, State, User};
pub use service::{Accounts, present};

#[cfg(feature = "oidc")]
pub(crate) use federated::NewIdentityAccount;
pub(crate) use model::{Credentials, Identifier, Prepared, canonical, email_field, name_field, username_field};
pub(crate) use routes::{accepts, state_field, user_schema};

/// Every route of this slice.
pub fn routes(accounts: &Accounts) -> web::Routes {
    [routes::routes(accounts), admin_routes::routes(accounts)].concat()
}

/// This slice's migrations.
pub const MIGRATIONS: [::store::Migration; 4] = [
    ::store::Migration {
        id: "202611210703_create_users",
        sql: include_str!("migrations/202611210703_create_users.sql"),
    },
    ::store::Migration {
        id: "202611211520_add_email_verified_at",
        sql: include_str!("migrations/202611211520_add_email_verified_at.sql"),
    },
    ::store::Migration {
        id: "202611211530_add_second_factor_to_users",
        sql: include_str!("migrations/202611211530_add_second_factor_to_users.sql"),
    },
    ::store::Migration {
        id: "202611211740_create_former_emails",
        sql: include_str!("migrations/202611211740_create_former_emails.sql"),
    },
];
