//! Declared resources on both engines.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::many_single_char_names,
    reason = "a test that fails should say where"
)]

mod estimates;
mod expressions;
mod heavy;
mod kept;
mod lists;
mod names;
mod paging;
mod rules;
mod search;
mod sound;
mod support;
mod tables;
mod transfer;
mod walks;
