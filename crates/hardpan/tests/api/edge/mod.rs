//! The edge: what holds for a request before any slice sees it.
mod addresses;
mod bearer;
mod cors;
mod csrf;
mod failures;
mod headers;
mod hosts;
mod limits;
mod request_id;
mod wire;
