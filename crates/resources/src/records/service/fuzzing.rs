//! What fuzzing reaches of records. No part of what the crate offers.
use std::sync::Arc;

use ::store::Ctx;
use kernel::Result;

use super::{
    super::{View, cursor},
    Records,
    sort::sort_keys,
};
use crate::schema::Resource;

/// A cursor of the list in the order `sort` that carries `payload`, whatever that is.
pub fn cursor(records: &Records, ctx: &Ctx, resource: &Arc<Resource>, sort: &str, payload: &[u8]) -> Result<String> {
    let keys = sort_keys(&View::new(ctx, resource), Some(sort))?;
    Ok(cursor::sealed(&records.cursor_key, &resource.name, resource, &keys, payload))
}
