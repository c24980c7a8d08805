//! Copies of whole tables, the same from either engine: for backups, for restoring them, and for moving to another engine.
//!
//! Values travel as SQLite's five storage classes. PostgreSQL's catalogue says how each column holds them, so that neither the
//! rows nor their checksums know which engine they came from.
mod encode;
mod load;
mod progress;
mod scratch;
mod tables;
mod walk;

pub use encode::{Digest, Hasher, decode};
pub use load::{count, digest, load};
pub use progress::{Done, Progress, begin, finish, progress, set_references_aside, source_of};
pub use scratch::{Exchange, create_schema, dependants, drop_abandoned, drop_schema, exchange, refuse_dependants};
pub use tables::{Table, table_names, tables};
pub use walk::{Chunk, Walk};
