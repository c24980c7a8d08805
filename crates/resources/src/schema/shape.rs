//! The physical side of a resource: what its table must look like, and what was last applied.
use std::{collections::BTreeMap, fmt};

use kernel::{Value, schema::Kind};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{
    index::{Index, Predicate},
    model::{Column, OnDelete, Owner, Resource, Stamp},
};
use crate::search;

/// PostgreSQL's longest name, in bytes.
pub(super) const IDENTIFIER_LENGTH: usize = 63;

/// Every declared table by its name.
pub type Shapes = BTreeMap<String, TableShape>;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableShape {
    pub columns: Vec<ColumnShape>,
    pub indexes: Vec<IndexShape>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<SearchShape>,
}

/// What rows are found by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SearchShape {
    /// Columns of text, the weightiest first.
    pub columns: Vec<String>,
    /// Which tokens were made of them.
    pub tokens: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnShape {
    pub name: String,
    #[serde(rename = "type")]
    pub physical: Physical,
    pub is_nullable: bool,
    /// What rows get that are older than the column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Json>,
    /// The column whose time they get, where that is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fill: Option<Fill>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<ReferenceShape>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReferenceShape {
    pub to: String,
    pub on_delete: OnDelete,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IndexShape {
    pub name: String,
    pub columns: Vec<String>,
    pub is_unique: bool,
    /// Rows that are soft deleted do not count.
    pub is_partial: bool,
    /// Only rows it holds for count.
    #[serde(default, rename = "where", skip_serializing_if = "Option::is_none")]
    pub filter: Option<Predicate>,
}

/// Which time stands for one that nobody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fill {
    CreatedAt,
    UpdatedAt,
}

/// How a column is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Physical {
    Id,
    Int,
    Float,
    Decimal { precision: u32, scale: u32 },
    Bool,
    Text,
    Time,
    Json,
}

impl TableShape {
    pub fn of(resource: &Resource) -> Self {
        let columns = resource.columns.iter().map(ColumnShape::of).collect();
        let searched = resource.search.iter().filter_map(|place| resource.columns.get(*place));
        let search =
            SearchShape { columns: searched.map(|column| column.name.clone()).collect(), tokens: search::VERSION };
        let search = Some(search).filter(|search| !search.columns.is_empty());
        Self { columns, indexes: indexes(resource), search }
    }

    pub fn column(&self, name: &str) -> Option<&ColumnShape> {
        self.columns.iter().find(|column| column.name == name)
    }
}

impl fmt::Display for Physical {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id => f.write_str("id"),
            Self::Int => f.write_str("int"),
            Self::Float => f.write_str("float"),
            Self::Decimal { precision, scale } => write!(f, "decimal({precision}, {scale})"),
            Self::Bool => f.write_str("bool"),
            Self::Text => f.write_str("text"),
            Self::Time => f.write_str("time"),
            Self::Json => f.write_str("json"),
        }
    }
}

impl IndexShape {
    /// The columns it depends on.
    pub fn reads(&self) -> Vec<String> {
        let mut columns = self.columns.clone();
        if self.is_partial {
            columns.push("deleted_at".to_owned());
        }
        columns.extend(self.filter.iter().flat_map(Predicate::columns).map(str::to_owned));
        columns
    }

    pub fn rename_column(&mut self, column: &str, to: &str) {
        self.columns.iter_mut().filter(|name| *name == column).for_each(|name| to.clone_into(name));
        self.filter.iter_mut().for_each(|filter| filter.rename_column(column, to));
    }
}

impl ColumnShape {
    fn of(column: &Column) -> Self {
        let reference = column
            .reference
            .as_ref()
            .map(|reference| ReferenceShape { to: reference.to.clone(), on_delete: reference.on_delete });
        Self {
            name: column.name.clone(),
            physical: Physical::of(&column.kind),
            is_nullable: column.is_nullable,
            default: column.default.as_ref().map(default_json),
            fill: column.stamp.map(|stamp| match stamp {
                Stamp::Create => Fill::CreatedAt,
                Stamp::Change => Fill::UpdatedAt,
            }),
            reference,
        }
    }

    /// Whether rows can be written that do not name it.
    pub const fn may_be_left_out(&self) -> bool {
        self.is_nullable || self.default.is_some()
    }
}

impl Physical {
    /// Whether every value of this type has one of the other that says the same; all but numbers past the other's range, which
    /// are counted before anything is changed.
    pub const fn widens_to(self, other: Self) -> bool {
        match (self, other) {
            (Self::Int, Self::Float | Self::Decimal { .. })
            | (Self::Int | Self::Decimal { .. } | Self::Bool | Self::Json, Self::Text)
            | (Self::Bool, Self::Int) => true,
            (Self::Decimal { precision, scale }, Self::Decimal { precision: wider, scale: finer }) => {
                finer >= scale && wider - finer >= precision - scale
            }
            _ => false,
        }
    }

    pub const fn of(kind: &Kind) -> Self {
        match kind {
            Kind::Id(_) => Self::Id,
            Kind::Int { .. } => Self::Int,
            Kind::Float => Self::Float,
            Kind::Decimal { precision, scale } => Self::Decimal { precision: *precision, scale: *scale },
            Kind::Bool => Self::Bool,
            Kind::Timestamp => Self::Time,
            Kind::Json { .. } | Kind::Object(_) | Kind::Array { .. } => Self::Json,
            Kind::Text { .. } | Kind::Email | Kind::Url | Kind::Date | Kind::Enum(_) => Self::Text,
        }
    }
}

/// The default as its column stores it: numbers and truths as such, the rest as text.
pub(super) fn default_json(value: &Value) -> Json {
    match value {
        Value::Bool(truth) => (*truth).into(),
        Value::Int(number) => (*number).into(),
        Value::Float(number) => (*number).into(),
        Value::Timestamp(at) => at.micros().into(),
        Value::Decimal(number) => number.to_string().into(),
        Value::Text(text) | Value::Json(text) => text.clone().into(),
        Value::Uuid(id) => id.to_string().into(),
        Value::Null | Value::Bytes(_) => Json::Null,
    }
}

/// Declared indexes, one for the owner's list, one for every reference. All but the unique ones end in `id`, which
/// breaks ties in every list.
fn indexes(resource: &Resource) -> Vec<IndexShape> {
    let mut lists: Vec<Index> = Vec::new();
    let plain = |field: &str| Index { fields: vec![field.to_owned()], filter: None };
    if resource.owner == Owner::User {
        lists.push(plain("owner_id"));
    }
    let references = resource.columns.iter().filter(|column| column.reference.is_some());
    lists.extend(references.map(|column| plain(&column.name)));
    lists.extend(resource.indexes.iter().cloned());
    if resource.is_soft_deleted && resource.purge_after.is_some() {
        // What is to be purged must be found without reading what is not.
        lists.push(plain("deleted_at"));
    }
    let mut indexes: Vec<IndexShape> = Vec::new();
    for Index { fields: mut columns, filter } in lists {
        if !columns.iter().any(|column| column == "id") {
            columns.push("id".into());
        }
        let is_there = indexes.iter().any(|index| index.columns == columns && index.filter == filter);
        if !is_there && (columns != ["id"] || filter.is_some()) {
            let named = columns[..columns.len() - 1].to_vec();
            let name = identifier(&resource.name, &marked(named, filter.as_ref()), "idx");
            indexes.push(IndexShape { name, columns, is_unique: false, is_partial: false, filter });
        }
    }
    indexes.extend(resource.all_uniques().into_iter().map(|unique| IndexShape {
        name: unique_index_of(&resource.name, &unique),
        columns: unique.fields,
        is_unique: true,
        is_partial: resource.is_soft_deleted,
        filter: unique.filter,
    }));
    indexes
}

/// The name of a declared unique key's index.
pub(super) fn unique_index_of(table: &str, unique: &Index) -> String {
    unique_index(table, &marked(unique.fields.clone(), unique.filter.as_ref()))
}

/// Two indexes over the same columns differ by their filters. No column begins with a digit.
fn marked(mut columns: Vec<String>, filter: Option<&Predicate>) -> Vec<String> {
    let text = filter.map(|filter| serde_json::to_string(filter).unwrap_or_default());
    columns.extend(text.map(|text| format!("0{:08x}", fnv(&text) >> 32)));
    columns
}

/// The unique index of these columns.
pub fn unique_index(table: &str, columns: &[String]) -> String {
    identifier(table, columns, "key")
}

/// `table__column__idx`: no table or column has two underscores, so no two indexes have one name. What is too long ends in a
/// digest of the whole name.
pub(super) fn identifier(table: &str, columns: &[String], suffix: &str) -> String {
    let name = format!("{table}__{}__{suffix}", columns.join("__"));
    if name.len() <= IDENTIFIER_LENGTH {
        return name;
    }
    let digest = fnv(&name);
    let kept = IDENTIFIER_LENGTH - 17;
    format!("{}_{digest:016x}", &name[..kept])
}

/// FNV-1a, 64 bits: it only has to be the same tomorrow.
fn fnv(text: &str) -> u64 {
    let add = |digest: u64, byte: u8| (digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    text.bytes().fold(0xcbf2_9ce4_8422_2325, add)
}
