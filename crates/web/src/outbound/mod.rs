//! Requests to other servers: a name is resolved once and its address judged before anything is sent; time and size are bounded; no
//! redirect is followed.
mod address;
mod client;
mod connect;
mod target;
#[cfg(test)]
mod tests;

pub use address::is_public;
pub use client::{Answer, Bounds, Fault, Outbound, Resolve};
