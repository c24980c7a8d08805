//! The routes of declared resources.
mod create;
