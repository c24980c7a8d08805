//! Copies of whole databases: into a file, back from it, and from one database into another.
//!
//! All three are the same walk over the same tables. A copy begins with two of them, the applied migrations and the shapes of the
//! declared tables, because these say how the others are made.
mod build;
mod format;
mod inventory;
mod reader;
mod relocate;
mod restore;
mod retention;
mod scratch;
mod swap;
mod take;
mod writer;

use std::sync::Arc;

use kernel::{Code, Error};
use store::copy::Digest;

pub use format::Head;
pub use relocate::{Moved, relocate};
pub use restore::{Restored, Verified, restore, verify};
pub use retention::{keep_newest, name};
pub use scratch::open;
pub use take::{Taken, take};

/// What `hardpan keygen`'s key derives for the files.
const PURPOSE: &str = "backup";

/// How far a table has come.
#[derive(Clone, Copy, Debug)]
pub struct Step<'s> {
    pub doing: &'static str,
    pub table: &'s str,
    pub rows: u64,
    pub of: u64,
}

/// Told after every chunk; a table is done when `rows` reaches `of`.
pub type Progress = Arc<dyn Fn(Step<'_>) + Send + Sync>;

/// A table of a copy and what it holds.
#[derive(Clone, Debug)]
pub struct Content {
    pub table: String,
    pub digest: Digest,
}

/// An error whose text is for whoever runs the command.
fn refused(detail: impl Into<String>) -> Error {
    Error::new(Code::Internal).with_detail(detail.into())
}

/// A failure of reading or writing a file.
fn failed(what: &str, path: &std::path::Path, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    refused(format!("Cannot {what} {}.", path.display())).with_source(error)
}
