//! Pages of a list: every list in Hardpan has this shape.
use serde::Serialize;

use crate::error::{Code, Error, FieldError, Result};

/// How many items a page holds: 1 to 200, by default 50.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit(u16);

impl Limit {
    pub const MAX: u16 = 200;

    pub fn new(limit: i64) -> Result<Self> {
        u16::try_from(limit).ok().filter(|limit| (1..=Self::MAX).contains(limit)).map(Self).ok_or_else(|| {
            Error::new(Code::BadQuery).with_field(FieldError::new("limit", "out_of_range", "must be between 1 and 200"))
        })
    }

    pub const fn get(self) -> usize {
        self.0 as usize
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(50)
    }
}

/// One page and the cursor of the next.
#[derive(Clone, Debug, Serialize)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub next: Option<String>,
}
