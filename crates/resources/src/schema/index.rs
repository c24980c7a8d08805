//! Declared indexes, and which records they are about.
use kernel::{
    Actor, Timestamp, Value,
    rule::{self, Bound, Leaf, Op, Path, Rule, Scope, Term, Test},
};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{model::Resource, shape::default_json};

/// An index or a unique key of several fields, as declared.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Index {
    pub fields: Vec<String>,
    /// Only records it holds for are in it.
    pub filter: Option<Predicate>,
}

/// A condition on a record's own fields: what both engines take for a partial index.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Predicate {
    All(Vec<Self>),
    Any(Vec<Self>),
    Is(Question),
}

/// A field compared with values: one, several for `in`, none for null.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    pub column: String,
    pub op: Comparison,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Json>,
    /// It must fail; a null fails every ordering.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_negated: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Comparison {
    Null,
    NotNull,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    In,
}

impl Predicate {
    /// Reads `where`. Errors: why it cannot be one, and at which character.
    pub fn parse(text: &str, resource: &Resource) -> Result<Self, String> {
        let rule = Rule::parse(text, &Own(resource)).map_err(|error| error.to_string())?;
        let at = |words: &[&str]| words.iter().filter_map(|word| text.find(word)).min().unwrap_or(0) + 1;
        if !rule.reads_record_alone() {
            return Err(format!("at character {}: an index knows no actor and no time", at(&["actor", "now"])));
        }
        let bound = rule.bind(&Actor::Anonymous, Timestamp::from_micros(0));
        Self::of(&bound, resource).ok_or_else(|| {
            let functions = [".size(", ".lowerAscii(", ".upperAscii(", ".contains(", ".startsWith(", ".endsWith("];
            format!("at character {}: an index compares fields with values, and nothing else", at(&functions))
        })
    }

    fn of(bound: &Bound, resource: &Resource) -> Option<Self> {
        let parts = |parts: &[Bound]| parts.iter().map(|part| Self::of(part, resource)).collect::<Option<Vec<_>>>();
        match bound {
            Bound::Const(_) => None,
            Bound::All(all) => parts(all).map(Self::All),
            Bound::Any(any) => parts(any).map(Self::Any),
            Bound::Leaf(leaf) => Question::of(leaf, resource).map(Self::Is),
        }
    }

    /// Every column it reads.
    pub fn columns(&self) -> Vec<&str> {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().flat_map(Self::columns).collect(),
            Self::Is(question) => vec![&question.column],
        }
    }

    pub(super) fn rename_column(&mut self, column: &str, to: &str) {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter_mut().for_each(|part| part.rename_column(column, to)),
            Self::Is(question) if question.column == column => to.clone_into(&mut question.column),
            Self::Is(_) => {}
        }
    }
}

impl Question {
    fn of(leaf: &Leaf, resource: &Resource) -> Option<Self> {
        let (term, op, values) = match &leaf.test {
            Test::Compare { left, op, right } => match (op, right.as_value()?) {
                (Op::Eq, Value::Null) => (left, Comparison::Null, Vec::new()),
                (Op::Ne, Value::Null) => (left, Comparison::NotNull, Vec::new()),
                (_, Value::Null) => return None,
                (op, value) => (left, Comparison::of(*op), vec![default_json(value)]),
            },
            Test::In { item, values } => (item, Comparison::In, values.iter().map(default_json).collect()),
            Test::Text { .. } | Test::Matches { .. } => return None,
        };
        let Term::Field(Path { relation: None, field, .. }) = term else { return None };
        let column = resource.columns.get(*field)?.name.clone();
        Some(Self { column, op, values, is_negated: leaf.is_negated })
    }
}

impl Comparison {
    const fn of(op: Op) -> Self {
        match op {
            Op::Eq => Self::Eq,
            Op::Ne => Self::Ne,
            Op::Lt => Self::Lt,
            Op::Le => Self::Le,
            Op::Gt => Self::Gt,
            Op::Ge => Self::Ge,
        }
    }
}

/// The fields of a resource, and of nothing it refers to.
struct Own<'r>(&'r Resource);

impl Scope for Own<'_> {
    fn column(&self, name: &str) -> Option<rule::Column> {
        self.0.rule_column(name)
    }
}
