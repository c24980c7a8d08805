//! Full-text search: what a word is, what people ask for, and where both engines keep it.
mod document;
mod highlight;
mod query;
mod store;
mod tokens;

pub use document::Document;
pub use highlight::highlight;
pub use query::{MOST_FIELDS, QUERY_LENGTH, Query, Term};
pub use store::{RANK, column, condition, creation, fill, keep, ranking, removal, renaming};
pub use tokens::{Token, VERSION, tokens};
