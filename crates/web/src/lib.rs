//! HTTP: routes as data, what handlers get and give, problem+json, the four layers of the edge, the server. The only crate that names axum.
pub mod authenticate;
pub mod call;
pub mod reply;
pub mod route;

pub use authenticate::{Authenticate, Authenticated, Credentials};
pub use call::Call;
pub use http::{HeaderMap, Method, StatusCode, header};
pub use reply::{Cookie, Reply};
pub use route::{Access, Body, Class, Route, Routes};
