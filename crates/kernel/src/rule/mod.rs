//! Access rules: a bounded subset of CEL, parsed once into a typed tree, evaluated in memory and compiled to SQL with one meaning.
//!
//! Known are `== != < <= > >= && || ! in`, `record.FIELD`, `actor.id`, `actor.is_authenticated`, `actor.has_role('name')` and
//! literals. Every comparison is true or false, never unknown: `null` equals `null` alone, is ordered before nothing and after
//! nothing, and a comparison with `actor.id` is false, `!=` included, when there is no actor.
mod bound;
mod check;
mod lexer;
mod parser;
#[cfg(test)]
mod tests;

use std::fmt;

pub use bound::{Bound, Leaf, Term};

use crate::{actor::Actor, time::Timestamp, value::Value};

/// Longest rule, in bytes.
pub const MAX_LENGTH: usize = 4_096;
/// Deepest nesting.
pub const MAX_DEPTH: usize = 32;
/// Most operators, operands and list items.
pub const MAX_NODES: usize = 512;

/// A rule that fits the columns it was checked against.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    expr: Expr,
}

/// Why a rule is refused, and where: a byte offset into its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleError {
    pub position: usize,
    pub message: String,
}

/// What a rule may read of a record.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// The place of its value in the record.
    pub index: usize,
    pub kind: Type,
}

/// The type of a column, as far as comparisons care.
#[derive(Clone, Debug, PartialEq)]
pub enum Type {
    Bool,
    Int,
    Float,
    Decimal {
        precision: u32,
        scale: u32,
    },
    Text,
    /// Text of which these are the values.
    Enum(Vec<String>),
    Date,
    Timestamp,
    /// Nothing but null can be compared with it.
    Json,
    /// An id with this prefix.
    Id(String),
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

#[derive(Clone, Debug, PartialEq)]
enum Expr {
    Const(bool),
    IsAuthenticated,
    HasRole(String),
    Not(Box<Self>),
    All(Vec<Self>),
    Any(Vec<Self>),
    Compare { op: Op, left: Operand, right: Operand },
}

#[derive(Clone, Debug, PartialEq)]
enum Operand {
    Field(usize),
    ActorId,
    Value(Value),
}

impl Rule {
    /// Parses `text` and checks it against the columns that `column` knows by name.
    pub fn parse(text: &str, column: &dyn Fn(&str) -> Option<Column>) -> Result<Self, RuleError> {
        let syntax = parser::parse(text)?;
        Ok(Self { expr: check::check(&syntax, column)? })
    }

    /// The rule nobody satisfies.
    pub const fn never() -> Self {
        Self { expr: Expr::Const(false) }
    }

    /// This rule for one actor: what is left depends on the record alone.
    pub fn bind(&self, actor: &Actor, _now: Timestamp) -> Bound {
        bound::bind(&self.expr, actor, false)
    }

    /// The roles it asks for.
    pub fn roles(&self) -> Vec<&str> {
        fn collect<'a>(expr: &'a Expr, roles: &mut Vec<&'a str>) {
            match expr {
                Expr::HasRole(role) => roles.push(role),
                Expr::Not(inner) => collect(inner, roles),
                Expr::All(parts) | Expr::Any(parts) => parts.iter().for_each(|part| collect(part, roles)),
                Expr::Const(_) | Expr::IsAuthenticated | Expr::Compare { .. } => {}
            }
        }
        let mut roles = Vec::new();
        collect(&self.expr, &mut roles);
        roles
    }
}

impl RuleError {
    fn new(position: usize, message: impl Into<String>) -> Self {
        Self { position, message: message.into() }
    }
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at character {}: {}", self.position + 1, self.message)
    }
}

impl std::error::Error for RuleError {}

impl Type {
    const fn is_ordered(&self) -> bool {
        matches!(self, Self::Int | Self::Float | Self::Decimal { .. } | Self::Text | Self::Date | Self::Timestamp)
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool => f.write_str("bool"),
            Self::Int => f.write_str("int"),
            Self::Float => f.write_str("float"),
            Self::Decimal { .. } => f.write_str("decimal"),
            Self::Text => f.write_str("text"),
            Self::Enum(_) => f.write_str("enum"),
            Self::Date => f.write_str("date"),
            Self::Timestamp => f.write_str("timestamp"),
            Self::Json => f.write_str("json"),
            Self::Id(prefix) => write!(f, "id of {prefix}"),
        }
    }
}

impl Op {
    /// The operator that says the same with its sides exchanged.
    const fn flipped(self) -> Self {
        match self {
            Self::Eq => Self::Eq,
            Self::Ne => Self::Ne,
            Self::Lt => Self::Gt,
            Self::Le => Self::Ge,
            Self::Gt => Self::Lt,
            Self::Ge => Self::Le,
        }
    }

    /// The operator that is true of two values where this one is false.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Eq => Self::Ne,
            Self::Ne => Self::Eq,
            Self::Lt => Self::Ge,
            Self::Le => Self::Gt,
            Self::Gt => Self::Le,
            Self::Ge => Self::Lt,
        }
    }
}
