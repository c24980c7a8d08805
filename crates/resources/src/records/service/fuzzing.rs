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

/// Reads a cursor of the list in the order `sort` that carries `payload`, whatever that is, under a tag that is right.
pub fn read_cursor(
    records: &Records,
    ctx: &Ctx,
    resource: &Arc<Resource>,
    sort: &str,
    payload: &[u8],
) -> Result<String> {
    let keys = sort_keys(&View::new(ctx, resource), Some(sort))?;
    let (key, list) = (&records.cursor_key, &resource.name);
    let cursor = cursor::sealed(key, list, resource, &keys, payload);
    let place = cursor::decode(key, list, resource, &keys, &cursor)?;
    Ok(format!("{place:?}"))
}
