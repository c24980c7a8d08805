//! Accounts, sessions and roles, as clients see them.
mod api_keys;
mod cookies;
mod deletion;
mod devices;
mod imported;
mod log_in;
mod log_out;
mod mfa;
mod parallel;
mod permissions;
mod profile;
mod refresh;
mod registration;
mod roles;
mod sessions;
mod step_up;
mod tries;
