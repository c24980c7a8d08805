//! `[resources]` and `[roles]` of the app file to a [`Declaration`], with every problem in one go.
use std::{sync::Arc, time::Duration};

use kernel::{
    duration,
    id::{Kind as _, User, is_prefix},
    schema::Kind,
};
use toml::Table;

pub use super::reader::Problem;
use super::{
    index::{Index, Predicate},
    model::{Column, Declaration, OnDelete, Owner, Reference, Resource, Rules, Stamp},
    reader::Reader,
    roles, rules,
};
use crate::search::MOST_FIELDS;

/// PostgreSQL cuts names at 63 bytes; the rest is for what index names add.
const NAME_LENGTH: usize = 40;
/// What the engines or Hardpan itself call their own columns.
const RESERVED_COLUMNS: [&str; 17] = [
    "id",
    "owner_id",
    "created_at",
    "updated_at",
    "version",
    "deleted_at",
    "rowid",
    "oid",
    "_rowid_",
    "ctid",
    "xmin",
    "xmax",
    "cmin",
    "cmax",
    "tableoid",
    "rank",
    "expand",
];
/// Columns of this beginning are Hardpan's own.
const OWN: &str = "hardpan_";
/// Operations on accounts are called after these.
const RESERVED_NAMES: [&str; 2] = ["me", "user"];
/// PostgreSQL indexes values of up to 2,704 bytes: those of all texts of one index, in UTF-8, and a unique one in characters.
const INDEXED_BYTES: usize = 2_400;
const INDEXED_LENGTH: usize = INDEXED_BYTES / 4;
const DEFAULT_TEXT_LENGTH: i64 = 10_000;
const DEFAULT_JSON_BYTES: i64 = 65_536;

/// Reads `[resources]` and `[roles]`. `is_reserved` tells the names of Hardpan's own tables.
pub fn parse(table: &Table, roles: &Table, is_reserved: &dyn Fn(&str) -> bool) -> (Declaration, Vec<Problem>) {
    let mut problems = Vec::new();
    let prefixes: Vec<(&str, &str)> =
        table.iter().map(|(name, value)| (name.as_str(), prefix_of(name, value))).collect();
    let mut resources = Vec::new();
    for (name, value) in table {
        let path = format!("resources.{name}");
        let Some(table) = value.as_table() else {
            problems.push(Problem {
                is_error: true,
                key: path,
                reason: "is not a table".into(),
                fix: format!("write [resources.{name}]"),
            });
            continue;
        };
        let mut reader = Reader::new(path, table, &mut problems);
        check_name(&mut reader, name, is_reserved);
        check_prefix(&mut reader, name, &prefixes);
        let resource = resource(&mut reader, name, &prefixes);
        reader.finish();
        resources.push(resource);
    }
    let heirs = |old: &str| table.values().filter(|value| former_name(value) == Some(old)).count();
    for name in
        table.iter().filter(|(_, value)| former_name(value).is_some_and(|old| heirs(old) > 1)).map(|(name, _)| name)
    {
        problems.push(Problem {
            is_error: true,
            key: format!("resources.{name}.renamed_from"),
            reason: "another resource had this name before too".into(),
            fix: "leave one of the two out".into(),
        });
    }
    let roles = roles::read(roles, &mut problems);
    // Rules last: they read fields of every resource, and ask for roles.
    let mut declaration = Declaration { resources: resources.into_iter().map(Arc::new).collect(), roles };
    rules::read(table, &mut declaration, &mut problems);
    (declaration, problems)
}

fn prefix_of<'a>(name: &'a str, value: &'a toml::Value) -> &'a str {
    value.get("id_prefix").and_then(toml::Value::as_str).unwrap_or(name)
}

fn former_name(value: &toml::Value) -> Option<&str> {
    value.get("renamed_from").and_then(toml::Value::as_str)
}

/// Whether a declared table or column can have this name.
pub(super) fn is_name(name: &str) -> bool {
    (1..=NAME_LENGTH).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        // Two of them part the names of an index.
        && !name.contains("__")
        && !name.ends_with('_')
}

fn check_name(reader: &mut Reader, name: &str, is_reserved: &dyn Fn(&str) -> bool) {
    if !is_name(name) {
        let fix = format!("use up to {NAME_LENGTH} of a-z, 0-9 and single _, a letter first");
        reader.problem("", "this is not a name for a resource", fix);
    } else if is_reserved(name)
        || RESERVED_NAMES.contains(&name)
        || [OWN, "sqlite_", "pg_"].iter().any(|prefix| name.starts_with(prefix))
    {
        reader.problem("", "Hardpan or the database has a table of this name", "choose another name");
    }
}

fn check_prefix(reader: &mut Reader, name: &str, prefixes: &[(&str, &str)]) {
    let prefix = prefixes.iter().find(|(other, _)| *other == name).map_or(name, |(_, prefix)| prefix);
    if !is_prefix(prefix) {
        reader.problem(
            "id_prefix",
            format!("`{prefix}` cannot begin an id"),
            "use up to 63 of a-z and _, letters at both ends",
        );
    } else if ["usr", "ses", "aud", "hp"].contains(&prefix) {
        reader.problem("id_prefix", format!("`{prefix}` begins ids of Hardpan's own"), "choose another prefix");
    } else if let Some((other, _)) = prefixes.iter().find(|(other, its)| *other != name && *its == prefix) {
        reader.problem(
            "id_prefix",
            format!("`{prefix}` begins the ids of {other} too"),
            "give each resource its own prefix",
        );
    }
}

fn resource(reader: &mut Reader, name: &str, prefixes: &[(&str, &str)]) -> Resource {
    let prefix = reader.text("id_prefix").unwrap_or(name).to_owned();
    let renamed_from = renamed_from(reader, name, prefixes.iter().map(|(other, _)| *other));
    let owner = reader.one_of("owner", &[("user", Owner::User), ("none", Owner::None)]).unwrap_or(Owner::User);
    let is_soft_deleted = reader.bool("soft_delete").unwrap_or(false);
    let requires_if_match = reader.bool("require_if_match").unwrap_or(false);
    let mut columns = own_columns(&prefix, owner, is_soft_deleted);
    columns.extend(fields(reader, prefixes));
    let indexes = indexes(reader, "indexes", &columns);
    let uniques = indexes_of_uniques(reader, &columns);
    let search = search(reader, &columns);
    let purge_after = purge_after(reader, is_soft_deleted);
    reader.later("access");
    let mut resource = Resource {
        name: name.into(),
        renamed_from,
        id_prefix: prefix,
        owner,
        is_soft_deleted,
        requires_if_match,
        columns,
        indexes: Vec::new(),
        uniques: Vec::new(),
        search,
        purge_after,
        rules: Rules::never(),
    };
    // They read fields of the resource.
    resource.indexes = filtered(reader, "indexes", indexes, &resource);
    resource.uniques = filtered(reader, "unique", uniques, &resource);
    resource
}

fn own_columns(prefix: &str, owner: Owner, is_soft_deleted: bool) -> Vec<Column> {
    let own = |name: &str, kind: Kind, is_nullable: bool| Column {
        name: name.into(),
        renamed_from: None,
        kind,
        is_nullable,
        is_declared: false,
        is_unique: false,
        default: None,
        stamp: None,
        reference: None,
        read: None,
        write: None,
    };
    let mut columns = vec![
        own("id", Kind::Id(prefix.to_owned().into()), false),
        own("owner_id", Kind::Id(User::PREFIX.into()), owner == Owner::None),
        own("created_at", Kind::Timestamp, false),
        own("updated_at", Kind::Timestamp, false),
        own("version", Kind::Int { min: 1, max: i64::MAX }, false),
    ];
    if is_soft_deleted {
        columns.push(own("deleted_at", Kind::Timestamp, true));
    }
    columns
}

fn fields(reader: &mut Reader, prefixes: &[(&str, &str)]) -> Vec<Column> {
    let Some(fields) = reader.table("fields") else {
        reader.problem("fields", "is missing", "declare at least one field");
        return Vec::new();
    };
    let mut columns = Vec::new();
    for (name, value) in fields {
        let key = format!("fields.{name}");
        let Some(table) = value.as_table() else {
            reader.problem(&key, "is not a table", format!("write {name} = {{ type = \"text\" }}"));
            continue;
        };
        if !is_name(name) {
            reader.problem(&key, "this is not a name for a field", "use a-z, 0-9 and _, a letter first");
            continue;
        }
        if RESERVED_COLUMNS.contains(&name.as_str()) {
            reader.problem(&key, "every resource has a column of this name already", "choose another name");
            continue;
        }
        if name.starts_with(OWN) {
            reader.problem(&key, format!("`{OWN}` begins the names of Hardpan's own columns"), "choose another name");
            continue;
        }
        columns.extend(reader.nested(&key, table, |reader| {
            let column = field(reader, name, prefixes);
            let renamed_from = renamed_from(reader, name, fields.keys().map(String::as_str));
            column.map(|column| Column { renamed_from, ..column })
        }));
    }
    check_one_heir(reader, &columns);
    columns
}

/// The name of what `name` was before, which nothing may have any more.
fn renamed_from<'n>(reader: &mut Reader, name: &str, others: impl Iterator<Item = &'n str>) -> Option<String> {
    let old = reader.text("renamed_from")?;
    let mut others = others;
    if !is_name(old) || old == name || RESERVED_COLUMNS.contains(&old) {
        reader.problem("renamed_from", format!("`{old}` is not a name {name} can have had"), "name what it was called");
        return None;
    }
    if others.any(|other| other == old) {
        let reason = format!("`{old}` is declared too");
        reader.problem("renamed_from", reason, "leave one of the two out");
        return None;
    }
    Some(old.to_owned())
}

fn check_one_heir(reader: &mut Reader, columns: &[Column]) {
    for (nth, column) in columns.iter().enumerate() {
        let Some(old) = &column.renamed_from else { continue };
        if columns[..nth].iter().any(|other| other.renamed_from.as_ref() == Some(old)) {
            let key = format!("fields.{}.renamed_from", column.name);
            reader.problem(&key, format!("another field was `{old}` before too"), "leave one of the two out");
        }
    }
}

fn field(reader: &mut Reader, name: &str, prefixes: &[(&str, &str)]) -> Option<Column> {
    let reference = reference(reader, prefixes);
    let is_required = reader.bool("required").unwrap_or(false);
    let is_unique = reader.bool("unique").unwrap_or(false);
    let kind = kind(reader, prefixes, reference.as_ref(), is_unique);
    let default = reader.any("default");
    let kind = kind?;
    if is_required && reference.as_ref().is_some_and(|reference| reference.on_delete == OnDelete::SetNull) {
        reader.problem("on_delete", "set_null cannot be done to a required field", "use restrict or cascade");
    }
    if is_unique && matches!(kind, Kind::Json { .. } | Kind::Bool) {
        reader.problem("unique", "this type cannot be unique", "leave it out");
    }
    let (default, stamp) = stamp(reader, &kind, default);
    let default = default.and_then(|default| {
        let parsed = kind.parse(&toml_to_json(default));
        parsed.map_err(|(_, message)| reader.problem("default", message, "give a value of the field's type")).ok()
    });
    if reference.is_some() && default.is_some() {
        reader.problem("default", "a ref has none: what it names could go", "leave it out");
    }
    if is_required && (default.is_some() || stamp.is_some()) {
        reader.problem("required", "a field with a default is never missing", "leave out required or default");
    }
    let is_nullable = !is_required && default.is_none() && stamp.is_none();
    reader.later("read");
    reader.later("write");
    Some(Column {
        name: name.into(),
        renamed_from: None,
        kind,
        is_nullable,
        is_declared: true,
        is_unique,
        default,
        stamp,
        reference,
        read: None,
        write: None,
    })
}

/// `default = "now"` and `on_update = "now"`, and the default that is left.
fn stamp<'t>(
    reader: &mut Reader,
    kind: &Kind,
    default: Option<&'t toml::Value>,
) -> (Option<&'t toml::Value>, Option<Stamp>) {
    let is_time = matches!(kind, Kind::Timestamp | Kind::Date);
    let on_update = reader.text("on_update");
    if on_update.is_some_and(|text| text != "now" || !is_time) {
        reader.problem(
            "on_update",
            "only a timestamp or a date is set at each change, to now",
            "write on_update = \"now\"",
        );
        return (default, None);
    }
    let is_now = is_time && default.and_then(toml::Value::as_str) == Some("now");
    match (on_update, is_now) {
        (Some(_), true) => (None, Some(Stamp::Change)),
        (Some(_), false) => {
            if default.is_some() {
                reader.problem("default", "what is set at each change needs none", "leave it out");
            }
            (None, Some(Stamp::Change))
        }
        (None, true) => (None, Some(Stamp::Create)),
        (None, false) => (default, None),
    }
}

fn reference(reader: &mut Reader, prefixes: &[(&str, &str)]) -> Option<Reference> {
    let to = reader.text("to");
    let policies = [OnDelete::Restrict, OnDelete::SetNull, OnDelete::Cascade].map(|policy| (policy.as_str(), policy));
    let on_delete = reader.one_of("on_delete", &policies).unwrap_or(OnDelete::Restrict);
    let to = to?;
    if prefixes.iter().all(|(name, _)| *name != to) {
        reader.problem("to", format!("there is no resource `{to}`"), "name a resource of this file");
        return None;
    }
    Some(Reference { to: to.into(), on_delete })
}

fn kind(
    reader: &mut Reader,
    prefixes: &[(&str, &str)],
    reference: Option<&Reference>,
    is_unique: bool,
) -> Option<Kind> {
    let names = ["text", "int", "float", "decimal", "bool", "timestamp", "date", "json", "enum", "ref", "email", "url"];
    let Some(name) = reader.text("type") else {
        reader.problem("type", "is missing", format!("write one of {}", names.join(", ")));
        return None;
    };
    Some(match name {
        "text" => text_kind(reader, is_unique),
        "int" => {
            let (min, max) = (reader.int("min").unwrap_or(i64::MIN), reader.int("max").unwrap_or(i64::MAX));
            if min > max {
                reader.problem("min", "is greater than max", "exchange them");
            }
            Kind::Int { min, max }
        }
        "float" => Kind::Float,
        "decimal" => {
            let precision = positive(reader, "precision", 18, 18);
            let scale = reader.int("scale").unwrap_or(2);
            if !(0..=precision).contains(&scale) {
                reader.problem("scale", "must be between 0 and the precision", "for money write scale = 2");
            }
            let scale = u32::try_from(scale.clamp(0, precision)).unwrap_or(0);
            Kind::Decimal { precision: u32::try_from(precision).unwrap_or(18), scale }
        }
        "bool" => Kind::Bool,
        "timestamp" => Kind::Timestamp,
        "date" => Kind::Date,
        "json" => {
            let max = positive(reader, "max_bytes", DEFAULT_JSON_BYTES, 10_000_000);
            Kind::Json { max_bytes: usize::try_from(max).unwrap_or(0) }
        }
        "enum" => {
            let members = reader.texts("values").unwrap_or_default();
            if members.is_empty() || members.iter().any(|member| member.is_empty() || member.contains('\0')) {
                reader.problem(
                    "values",
                    "must list the values, none of them empty",
                    "write values = [\"open\", \"done\"]",
                );
            }
            Kind::Enum(members.into_iter().map(|member| member.to_owned().into()).collect())
        }
        "ref" => {
            let Some(reference) = reference else {
                reader.problem("to", "is missing or wrong", "name the resource this refers to");
                return None;
            };
            let prefix = prefixes.iter().find(|(name, _)| *name == reference.to).map_or("", |(_, prefix)| prefix);
            return Some(Kind::Id(prefix.to_owned().into()));
        }
        "email" => Kind::Email,
        "url" => Kind::Url,
        _ => {
            reader.problem("type", format!("`{name}` is not a type"), format!("write one of {}", names.join(", ")));
            return None;
        }
    })
    .filter(|_| {
        if reference.is_some() {
            reader.problem("to", "only a ref refers to something", "write type = \"ref\"");
        }
        true
    })
}

fn text_kind(reader: &mut Reader, is_unique: bool) -> Kind {
    let indexed = i64::try_from(INDEXED_LENGTH).unwrap_or(i64::MAX);
    let (default, most) = if is_unique { (indexed, indexed) } else { (DEFAULT_TEXT_LENGTH, 10_000_000) };
    let max = positive(reader, "max_length", default, most);
    let min = reader.int("min_length").unwrap_or(0);
    if !(0..=max).contains(&min) {
        reader.problem("min_length", "must be between 0 and max_length", "leave it out");
    }
    Kind::Text { min: usize::try_from(min).unwrap_or(0), max: usize::try_from(max).unwrap_or(0) }
}

fn positive(reader: &mut Reader, key: &'static str, default: i64, max: i64) -> i64 {
    let value = reader.int(key).unwrap_or(default);
    if !(1..=max).contains(&value) {
        reader.problem(key, format!("must be between 1 and {max}"), format!("write {key} = {default}"));
    }
    value.clamp(1, max)
}

/// The fields of each, and its `where`.
type Entry<'t> = (Vec<&'t str>, Option<&'t str>);

fn indexes<'t>(reader: &mut Reader<'t, '_>, key: &'static str, columns: &[Column]) -> Vec<Entry<'t>> {
    let entries = reader.entries(key).unwrap_or_default();
    let fields: Vec<Vec<&str>> = entries.iter().map(|(fields, _)| fields.clone()).collect();
    check_indexed(reader, key, &fields, columns);
    entries
}

fn indexes_of_uniques<'t>(reader: &mut Reader<'t, '_>, columns: &[Column]) -> Vec<Entry<'t>> {
    let uniques = indexes(reader, "unique", columns);
    if uniques.iter().any(|(fields, filter)| fields.len() == 1 && filter.is_none()) {
        reader.problem("unique", "one field alone is declared unique by itself", "write unique = true on the field");
    }
    uniques
}

fn filtered(reader: &mut Reader, key: &str, entries: Vec<Entry>, resource: &Resource) -> Vec<Index> {
    let index = |(fields, text): Entry| {
        let filter = text.and_then(|text| {
            let parsed = Predicate::parse(text, resource);
            parsed.map_err(|why| reader.problem(key, format!("where {why}"), "compare fields with values")).ok()
        });
        Index { fields: fields.into_iter().map(str::to_owned).collect(), filter }
    };
    entries.into_iter().map(index).collect()
}

fn check_indexed(reader: &mut Reader, key: &str, indexes: &[Vec<&str>], columns: &[Column]) {
    for name in indexes.iter().flatten() {
        match columns.iter().find(|column| column.name == *name) {
            None => reader.problem(key, format!("there is no field `{name}`"), "name fields of this resource"),
            Some(Column { kind: Kind::Json { .. }, .. }) => {
                reader.problem(key, format!("`{name}` is json, which has no order"), "leave it out");
            }
            Some(_) => {}
        }
    }
    for index in indexes {
        let length_of = |name: &&str| columns.iter().find(|column| column.name == *name).map_or(0, Column::text_bytes);
        if index.iter().map(length_of).sum::<usize>() > INDEXED_BYTES {
            let reason =
                format!("the texts of [{}] may be longer than {INDEXED_BYTES} bytes together", index.join(", "));
            reader.problem(key, reason, "give them a shorter max_length, or leave them out");
        }
    }
    if indexes.iter().any(Vec::is_empty) {
        reader.problem(key, "an index needs at least one field", "leave the empty one out");
    }
}

fn search(reader: &mut Reader, columns: &[Column]) -> Vec<usize> {
    let names = reader.texts("search").unwrap_or_default();
    let mut places = Vec::new();
    for name in &names {
        match columns.iter().position(|column| column.name == *name && matches!(column.kind, Kind::Text { .. })) {
            Some(place) if places.contains(&place) => {
                reader.problem("search", format!("`{name}` is named twice"), "name it once");
            }
            Some(place) => places.push(place),
            None => {
                reader.problem("search", format!("`{name}` is not a text field"), "name text fields of this resource");
            }
        }
    }
    if places.len() > MOST_FIELDS {
        let reason = format!("more than {MOST_FIELDS} fields cannot be weighed against each other");
        reader.problem("search", reason, "name the weightiest");
    }
    if !places.is_empty() && columns.iter().any(|column| column.name == "highlights") {
        let reason = "a search shows its `highlights` in each record, where this resource has a field of that name";
        reader.problem("search", reason, "give the field another name");
    }
    places
}

fn purge_after(reader: &mut Reader, is_soft_deleted: bool) -> Option<Duration> {
    let text = reader.text("purge_after")?;
    if !is_soft_deleted {
        reader.problem("purge_after", "only soft-deleted records are purged", "write soft_delete = true");
    }
    duration::read(text).map_err(|fault| reader.problem("purge_after", fault, "write it as 30d or 12h")).ok()
}

fn toml_to_json(value: &toml::Value) -> serde_json::Value {
    match value {
        toml::Value::Datetime(at) => at.to_string().into(),
        other => serde_json::to_value(other).unwrap_or_default(),
    }
}
