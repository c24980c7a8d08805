//! The four layers every request passes: limits, validation, headers and the request log. Each is tested alone.
pub mod audit;
pub mod headers;
pub mod limits;
pub mod validation;
