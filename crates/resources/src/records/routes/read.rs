//! Reading over HTTP.
use kernel::Result;
use web::{Call, Reply};

use super::{
    super::{Counting, ListQuery, Parts},
    Deps, record_id,
};

pub(super) async fn get((records, resource): Deps, call: Call) -> Result<Reply> {
    let id = record_id(&call, &resource)?;
    let parts = parts(&call);
    let record = records.get(&call.ctx, &resource, id, &parts).await?;
    let reply = Reply::ok(&record)?;
    // Only the whole has an entity tag: a client that holds a part must not take it for the record.
    let is_whole = parts.fields.is_none() && parts.expand.is_none();
    if is_whole { reply.etag(record.version()) } else { Ok(reply) }
}

pub(super) async fn list((records, resource): Deps, call: Call) -> Result<Reply> {
    let query = ListQuery {
        filter: text(&call, "filter"),
        search: text(&call, "q"),
        sort: text(&call, "sort"),
        parts: parts(&call),
        count: call.query("count").map(|how| if how == "exact" { Counting::Exact } else { Counting::Estimated }),
        limit: call.limit()?,
        after: text(&call, "after"),
        before: text(&call, "before"),
        is_deleted: call.query("deleted").is_some(),
    };
    Reply::ok(&records.list(&call.ctx, &resource, query).await?)
}

fn parts(call: &Call) -> Parts {
    Parts { fields: text(call, "fields"), expand: text(call, "expand") }
}

fn text(call: &Call, name: &str) -> Option<String> {
    call.query(name).map(str::to_owned)
}
