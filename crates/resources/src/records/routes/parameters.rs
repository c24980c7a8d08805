//! What lists may be asked, and what they answer, for the edge and for the document.
use kernel::{
    rule,
    schema::{Field, Kind, Schema},
};

use super::super::Records;
use crate::{
    schema::{Column, Resource},
    search,
};

/// Longest cursor and longest list of names, in characters. A cursor holds 1,000 characters of up to four bytes, in base 64.
const LENGTH: usize = 6_144;
/// Longest highlight, in characters: 300 bytes of the text, of which each may need six, and the marks.
const HIGHLIGHT_LENGTH: usize = 10_000;

/// What a page of records may be asked.
pub(super) fn list(resource: &Resource) -> Vec<Field> {
    let mut fields = vec![
        filter(),
        text("sort", "Fields to sort by, `-` before a name for descending: `-created_at,title`. By default `id`."),
        limit(),
        after(),
        text("before", "`prev` of the page after."),
        Field::optional("count", Kind::Enum(vec!["exact".into(), "estimated".into()])).describe(
            "How many records the whole list has: counted, which takes the longer the more there are, or estimated.",
        ),
    ];
    fields.extend(search(resource));
    fields.extend(parts(resource));
    if resource.is_soft_deleted {
        let deleted = Field::optional("deleted", Kind::Enum(vec!["only".into()]));
        fields.push(deleted.describe("`only`: the soft-deleted records that the caller may read and delete."));
    }
    fields
}

/// What of a record may be asked for.
pub(super) fn parts(resource: &Resource) -> Vec<Field> {
    let mut parts = vec![text("fields", "The fields to answer with, beside `id`: `title,price`. By default all.")];
    let names: Vec<&str> = references(resource).map(|column| column.name.as_str()).collect();
    if !names.is_empty() {
        let description = format!("References whose records come along, of {}.", names.join(", "));
        parts.push(text("expand", "").describe(description));
    }
    parts
}

pub(super) fn filter() -> Field {
    Field::optional("filter", Kind::text(rule::MAX_LENGTH))
        .describe("An expression over `record`, as access rules are written: `record.state == 'open'`.")
}

/// What is looked for, where there is something to look into.
pub(super) fn search(resource: &Resource) -> Option<Field> {
    let names: Vec<&str> =
        resource.search.iter().filter_map(|place| Some(resource.columns.get(*place)?.name.as_str())).collect();
    let description = format!(
        "Words that must be in {}: `word \"a phrase\" -without begin*`. The best come first, unless `sort` says otherwise.",
        names.join(" or ")
    );
    (!names.is_empty()).then(|| Field::optional("q", Kind::text(search::QUERY_LENGTH)).describe(description))
}

pub(super) fn limit() -> Field {
    Field::optional("limit", Kind::Int { min: 1, max: 200 }).describe("1 to 200, by default 50.")
}

pub(super) fn after() -> Field {
    text("after", "`next` of the page before.")
}

/// A parameter that is read where more is known about it.
pub(super) fn text(name: &'static str, description: &'static str) -> Field {
    Field::optional(name, Kind::text(LENGTH)).describe(description)
}

/// A record of which a part may have been asked for.
pub(super) fn part(records: &Records, resource: &Resource) -> Schema {
    let mut schema = resource.output();
    for field in schema.fields.iter_mut().filter(|field| field.name != "id") {
        field.is_required = false;
    }
    let target = |column: &Column| {
        let target = records.declaration().find(&column.reference.as_ref()?.to)?;
        Some(Field::optional(column.name.clone(), Kind::Object(target.output())).nullable())
    };
    let targets: Vec<Field> = references(resource).filter_map(target).collect();
    if !targets.is_empty() {
        let expand = Field::optional("expand", Kind::Object(Schema::new(targets)));
        schema.fields.push(expand.describe("What `expand` named; null where it is not there or not readable."));
    }
    schema
}

/// A record of a list, which also shows where it has the words that were looked for.
fn found(records: &Records, resource: &Resource) -> Schema {
    let mut schema = part(records, resource);
    let searched = resource.search.iter().filter_map(|place| resource.columns.get(*place));
    let texts: Vec<Field> =
        searched.map(|column| Field::optional(column.name.clone(), Kind::text(HIGHLIGHT_LENGTH))).collect();
    if !texts.is_empty() {
        let highlights = Field::optional("highlights", Kind::Object(Schema::new(texts)));
        let description = "With `q`: parts of the fields it was found in, as HTML whose only tag is `<mark>`.";
        schema.fields.push(highlights.describe(description));
    }
    schema
}

fn references(resource: &Resource) -> impl Iterator<Item = &Column> {
    resource.columns.iter().filter(|column| column.reference.is_some())
}

/// `{items, next, prev, count?}`.
pub(super) fn page(records: &Records, resource: &Resource) -> Schema {
    let number = || Kind::Int { min: 0, max: i64::MAX };
    let count = vec![Field::optional("exact", number()), Field::optional("estimated", number())];
    Schema::new(vec![
        items(found(records, resource)),
        next(),
        Field::required("prev", Kind::text(LENGTH)).nullable().describe("Give it as `before` to go back."),
        Field::optional("count", Kind::Object(Schema::new(count))).describe("As `count` asked for it."),
    ])
}

pub(super) fn items(item: Schema) -> Field {
    Field::required("items", Kind::Array { items: Box::new(Kind::Object(item)), max: 200 })
}

pub(super) fn next() -> Field {
    Field::required("next", Kind::text(LENGTH)).nullable().describe("Give it as `after` to go on.")
}
