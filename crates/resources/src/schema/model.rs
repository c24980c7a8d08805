//! What a declared resource is.
use std::{borrow::Cow, sync::Arc, time::Duration};

pub use kernel::Operation;
use kernel::{
    Permissions, Timestamp, Value,
    actor::ADMIN,
    rule::{self, Rule, Type},
    schema::{Field, Kind, Schema},
};
use serde::{Deserialize, Serialize};

use super::{index::Index, shape::unique_index_of};

/// Every resource of an application, and its roles.
#[derive(Clone, Debug, Default)]
pub struct Declaration {
    pub resources: Vec<Arc<Resource>>,
    /// Those that are declared, `admin` among them where something is said of it. When there is none, every role that rules ask for exists.
    pub roles: Vec<DeclaredRole>,
}

/// One declared role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredRole {
    pub name: String,
    pub description: Option<String>,
    /// All of them for `admin`.
    pub permissions: Permissions,
    /// Whether it is held with a second factor alone.
    pub requires_mfa: bool,
}

/// One declared resource: its table, its path and its rules.
#[derive(Clone, Debug)]
pub struct Resource {
    /// The plural name, the path segment and the table.
    pub name: String,
    /// The name its table had before.
    pub renamed_from: Option<String>,
    pub id_prefix: String,
    pub owner: Owner,
    pub is_soft_deleted: bool,
    /// Writes must name the version they change.
    pub requires_if_match: bool,
    /// First Hardpan's own (see [`place`]), then the declared ones.
    pub columns: Vec<Column>,
    pub indexes: Vec<Index>,
    /// Sets of columns no two records share the values of, beyond the columns that are unique by themselves.
    pub uniques: Vec<Index>,
    /// Places of the columns full-text search reads, the weightiest first.
    pub search: Vec<usize>,
    /// How long soft-deleted records are kept; for ever when it is not said.
    pub purge_after: Option<Duration>,
    pub rules: Rules,
}

/// Whose rows they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Each belongs to its creator.
    User,
    /// Shared.
    None,
}

/// Where Hardpan's own columns stand in a record.
pub mod place {
    pub const ID: usize = 0;
    pub const OWNER_ID: usize = 1;
    pub const CREATED_AT: usize = 2;
    pub const UPDATED_AT: usize = 3;
    pub const VERSION: usize = 4;
    /// With soft delete only.
    pub const DELETED_AT: usize = 5;
}

/// One column of a resource's table.
#[derive(Clone, Debug)]
pub struct Column {
    pub name: String,
    /// The name it had before.
    pub renamed_from: Option<String>,
    pub kind: Kind,
    pub is_nullable: bool,
    /// Whether clients write it.
    pub is_declared: bool,
    pub is_unique: bool,
    pub default: Option<Value>,
    /// The server sets the time, where nobody gives another.
    pub stamp: Option<Stamp>,
    pub reference: Option<Reference>,
    /// Who may see it, beyond seeing the record; `None`: whoever sees the record.
    pub read: Option<Rule>,
    /// Who may write it, beyond writing the record; `None`: whoever writes the record.
    pub write: Option<Rule>,
}

/// When a column gets the time of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stamp {
    /// When its record is created.
    Create,
    /// And at every change of it.
    Change,
}

/// What a `ref` refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    pub to: String,
    pub on_delete: OnDelete,
}

/// What becomes of a row when the one it refers to goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnDelete {
    Restrict,
    SetNull,
    Cascade,
}

/// One rule an operation.
#[derive(Clone, Debug)]
pub struct Rules {
    pub read: Rule,
    pub create: Rule,
    pub update: Rule,
    pub delete: Rule,
}

impl Declaration {
    pub fn find(&self, name: &str) -> Option<&Arc<Resource>> {
        self.resources.iter().find(|resource| resource.name == name)
    }

    /// What a column of `resource` refers to.
    pub fn target(&self, resource: &Resource, column: usize) -> Option<&Arc<Resource>> {
        self.find(&resource.columns.get(column)?.reference.as_ref()?.to)
    }

    /// `admin` and those that are declared, if any is: rules ask for no other.
    pub fn declared_roles(&self) -> Option<Vec<&str>> {
        if self.roles.is_empty() {
            return None;
        }
        let others = self.roles.iter().map(|role| role.name.as_str()).filter(|name| *name != ADMIN);
        Some([ADMIN].into_iter().chain(others).collect())
    }

    /// Every role the rules ask for, sorted.
    pub fn roles(&self) -> Vec<String> {
        let mut roles: Vec<String> = self
            .resources
            .iter()
            .flat_map(|resource| resource.all_rules())
            .flat_map(|rule| rule.roles().into_iter().map(str::to_owned).collect::<Vec<_>>())
            .collect();
        roles.sort();
        roles.dedup();
        roles
    }
}

impl Rules {
    /// Nobody may do anything.
    pub const fn never() -> Self {
        Self { read: Rule::never(), create: Rule::never(), update: Rule::never(), delete: Rule::never() }
    }

    pub const fn get(&self, operation: Operation) -> &Rule {
        match operation {
            Operation::Read => &self.read,
            Operation::Create => &self.create,
            Operation::Update => &self.update,
            Operation::Delete => &self.delete,
        }
    }
}

impl Resource {
    /// Those of its operations and those of its fields.
    fn all_rules(&self) -> impl Iterator<Item = &Rule> {
        let of_fields = self.columns.iter().flat_map(|column| [&column.read, &column.write]).flatten();
        Operation::ALL.map(|operation| self.rules.get(operation)).into_iter().chain(of_fields)
    }

    pub fn column(&self, name: &str) -> Option<(usize, &Column)> {
        self.columns.iter().enumerate().find(|(_, column)| column.name == name)
    }

    /// A column as expressions know it.
    pub fn rule_column(&self, name: &str) -> Option<rule::Column> {
        let (index, column) = self.column(name)?;
        Some(rule::Column { index, kind: column.rule_type()? })
    }

    /// Every set of columns whose values no two records share.
    pub fn unique_keys(&self) -> Vec<Vec<String>> {
        let whole = self.all_uniques().into_iter().filter(|unique| unique.filter.is_none());
        whole.map(|unique| unique.fields).collect()
    }

    /// The fields of the unique index of this name.
    pub fn unique_fields(&self, index: &str) -> Option<Vec<String>> {
        let found = self.all_uniques().into_iter().find(|unique| unique_index_of(&self.name, unique) == index);
        found.map(|unique| unique.fields)
    }

    /// Those of single fields, then those declared beside, of some records alone too.
    pub(super) fn all_uniques(&self) -> Vec<Index> {
        let single = self.columns.iter().filter(|column| column.is_unique);
        let single = single.map(|column| Index { fields: vec![column.name.clone()], filter: None });
        single.chain(self.uniques.iter().cloned()).collect()
    }

    /// The columns clients write, with their places.
    pub fn declared(&self) -> impl Iterator<Item = (usize, &Column)> {
        self.columns.iter().enumerate().filter(|(_, column)| column.is_declared)
    }

    /// What a create takes.
    pub fn input(&self) -> Schema {
        Schema::new(self.declared().map(|(_, column)| column.input(column.is_required())).collect())
    }

    /// What a PATCH takes: any part of it.
    pub fn patch(&self) -> Schema {
        Schema::new(self.declared().map(|(_, column)| column.input(false)).collect())
    }

    /// What a record looks like; fields not everyone sees may be absent.
    pub fn output(&self) -> Schema {
        let field = |column: &Column| {
            let field = Field::required(Cow::Owned(column.name.clone()), column.kind.clone());
            let field = if column.is_nullable { field.nullable() } else { field };
            Field { is_required: column.read.is_none(), ..field }
        };
        Schema::new(self.columns.iter().map(field).collect())
    }
}

impl Column {
    /// Whether a create must give it.
    pub const fn is_required(&self) -> bool {
        !self.is_nullable && self.default.is_none() && self.stamp.is_none()
    }

    /// The time, as this column has it.
    pub fn time(&self, now: Timestamp) -> Value {
        match self.kind {
            Kind::Date => Value::Text(now.to_string().chars().take(10).collect()),
            _ => now.into(),
        }
    }

    /// `null` is the same as leaving it out, wherever it may be left out.
    fn input(&self, is_required: bool) -> Field {
        let field = Field::optional(Cow::Owned(self.name.clone()), self.kind.clone());
        let field = if self.is_required() { field } else { field.nullable() };
        Field { is_required, ..field }
    }

    /// Most bytes of text it holds, in UTF-8; 0 for what is short in any case.
    pub fn text_bytes(&self) -> usize {
        match &self.kind {
            Kind::Text { max, .. } => max.saturating_mul(4),
            Kind::Email => 254,
            Kind::Url => 2_048,
            Kind::Enum(members) => members.iter().map(|member| member.len()).max().unwrap_or(0),
            _ => 0,
        }
    }

    /// Its type as rules see it; `None` for what rules do not read.
    pub fn rule_type(&self) -> Option<Type> {
        Some(match &self.kind {
            Kind::Text { .. } | Kind::Email | Kind::Url => Type::Text,
            Kind::Int { .. } => Type::Int,
            Kind::Float => Type::Float,
            Kind::Decimal { precision, scale } => Type::Decimal { precision: *precision, scale: *scale },
            Kind::Bool => Type::Bool,
            Kind::Timestamp => Type::Timestamp,
            Kind::Date => Type::Date,
            Kind::Json { .. } => Type::Json,
            Kind::Enum(members) => Type::Enum(members.iter().map(ToString::to_string).collect()),
            Kind::Id(prefix) => Type::Id(prefix.to_string()),
            Kind::Object(_) | Kind::Array { .. } => return None,
        })
    }
}

impl OnDelete {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Restrict => "restrict",
            Self::SetNull => "set_null",
            Self::Cascade => "cascade",
        }
    }
}
