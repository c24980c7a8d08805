//! HTTP: routes as data, what handlers get and give, problem+json, the four layers of the edge, the server. The only crate that names axum.
pub mod authenticate;
pub mod call;
pub mod client_address;
pub mod cookies;
pub mod csrf;
pub mod edge;
mod host;
pub mod openapi;
pub mod pipeline;
pub mod problem;
pub mod reply;
pub mod request_id;
pub mod route;
pub mod server;
mod url;

pub use authenticate::{Authenticate, Credentials};
pub use axum::body::Body as HttpBody;
pub use call::Call;
pub use edge::limits::{Limits, Policy};
pub use http::{HeaderMap, Method, Request, Response, StatusCode, header};
pub use ipnet::IpNet;
pub use pipeline::{App, Settings, service};
pub use reply::{Cookie, Reply};
pub use route::{Access, Body, Class, Route, Routes};
pub use server::serve;
pub use url::decode as percent_decode;
