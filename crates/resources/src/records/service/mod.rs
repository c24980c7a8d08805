//! Rules for records. REST, the command line and what comes later all call these functions.
mod access;
mod aggregate;
mod filter;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod parts;
mod read;
mod search;
mod sort;
mod view;
mod write;

use std::sync::Arc;

pub use write::{Batched, Upserted};
pub(super) use write::{MOST_OPERATIONS, Reached, sever};

use kernel::Result;
use platform::secrets::{Keyring, MacKey};

use crate::schema::Declaration;
pub(super) use aggregate::{has_extremes, is_number};
pub(super) use filter::filter;

/// The records of every declared resource. Cheap to clone.
#[derive(Clone)]
pub struct Records {
    declaration: Arc<Declaration>,
    cursor_key: Arc<MacKey>,
}

impl Records {
    pub fn new(declaration: Arc<Declaration>, keyring: &Keyring) -> Result<Self> {
        Ok(Self { declaration, cursor_key: Arc::new(keyring.mac_key("resources.cursor")?) })
    }

    pub fn declaration(&self) -> &Arc<Declaration> {
        &self.declaration
    }
}
