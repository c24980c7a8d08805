//! Credentials: proving and changing the address of an account, setting and changing its password, suspending it.
mod email_change;
mod page;
mod password;
mod recovery;
mod reset;
mod routes;
mod service;
mod suspension;
mod verification;

pub use service::Credentials;

/// Every route of this slice.
pub fn routes(credentials: &Credentials) -> web::Routes {
    [routes::routes(credentials), page::routes()].concat()
}
