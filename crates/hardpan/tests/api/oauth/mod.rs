//! Log-in with providers: a real one, a hostile one and GitHub, on Node.js beside the tests.
mod away;
mod fetching;
mod forged;
mod linking;
mod log_in;
pub mod providers;
mod states;
