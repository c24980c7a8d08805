//! A whole server in process, over a database of its own.
mod client;
mod world;

pub use client::{Answer, Request};
pub use world::{PASSWORD, Person, TestApp, on_both};
