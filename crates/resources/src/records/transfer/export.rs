//! Writing records out, a page at a time.
use std::{io::Write, sync::Arc};

use ::store::Ctx;
use futures_util::FutureExt as _;
use kernel::{Code, Error, FieldError, Result, rule::Bound};

use super::{CHUNK_BYTES, Format, writer::Writer};
use crate::{
    records::{Record, Records, View, service::filter, store},
    schema::Resource,
};

/// Most records a page holds; long ones make pages smaller.
const PAGE_ROWS: usize = 1_000;

/// Which records are written, and how.
#[derive(Clone, Debug)]
pub struct Export {
    pub format: Format,
    /// The fields to write, in this order; none: all of them.
    pub fields: Vec<String>,
    /// In the language of rules, about `record`.
    pub filter: Option<String>,
    /// Records marked as deleted too.
    pub has_deleted: bool,
}

impl Records {
    /// Writes the records of `resource` in the order of their ids and says how many there were. Each page is one moment of the
    /// database: a record that changes meanwhile is written as it was before or after. `progress` hears the number so far.
    ///
    /// Errors: 400 for an unknown field or a filter that cannot be read; 503 with an `io::Error` when `out` refuses.
    pub async fn export(
        &self,
        ctx: &Ctx,
        resource: &Arc<Resource>,
        export: &Export,
        out: &mut dyn Write,
        progress: &mut dyn FnMut(u64),
    ) -> Result<u64> {
        ctx.actor.require_system()?;
        let fields = fields(resource, &export.fields)?;
        let filter = match &export.filter {
            Some(text) => filter(ctx, self.declaration(), &View::new(ctx, resource), text)?,
            None => Bound::Const(true),
        };
        let mut writer = Writer::new(export.format, resource, &fields, out)?;
        let mut total = 0;
        let mut after = None;
        let mut limit = PAGE_ROWS / 10;
        loop {
            let (resource, declaration, filter) =
                (Arc::clone(resource), Arc::clone(self.declaration()), filter.clone());
            let has_deleted = export.has_deleted;
            let page = ctx.read(move |_, tx| {
                async move {
                    store::page(tx, &declaration, &resource, &filter, after, has_deleted, (limit, CHUNK_BYTES)).await
                }
                .boxed()
            });
            let (page, is_last) = page.await?;
            for record in &page {
                writer.write(record)?;
            }
            total += u64::try_from(page.len()).unwrap_or(0);
            progress(total);
            if is_last {
                break;
            }
            after = page.last().map(Record::id).transpose()?;
            limit = fitting(&page);
        }
        writer.finish()?;
        Ok(total)
    }
}

/// As many records as would have filled a page, going by this one.
fn fitting(page: &[Record]) -> usize {
    let bytes: usize = page.iter().map(Record::size).sum();
    (page.len() * CHUNK_BYTES / bytes.max(1)).clamp(1, PAGE_ROWS)
}

fn fields(resource: &Resource, names: &[String]) -> Result<Vec<usize>> {
    let mut fields = Vec::new();
    for name in names {
        let Some((index, _)) = resource.column(name) else {
            return Err(bad("fields", format!("there is no field `{name}`")));
        };
        if fields.contains(&index) {
            return Err(bad("fields", format!("`{name}` is named twice")));
        }
        fields.push(index);
    }
    Ok(if fields.is_empty() { (0..resource.columns.len()).collect() } else { fields })
}

fn bad(what: &str, message: String) -> Error {
    Error::new(Code::BadQuery)
        .with_detail("What is to be exported cannot be told.")
        .with_field(FieldError::new(what, "invalid", message))
}
