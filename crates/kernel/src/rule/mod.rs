//! The expression language of access rules and list filters: a bounded subset of CEL, parsed once into a typed tree, evaluated in
//! memory and compiled to SQL with one meaning.
//!
//! Known are `== != < <= > >= in`, `&& || !`, `+ -` of times and durations, literals, and
//!
//! - `record.FIELD`, and one step further `record.REFERENCE.FIELD`; `has(record.FIELD)`;
//! - `actor.id`, `actor.is_authenticated`, `actor.has_role('name')`;
//! - `now`, `timestamp('...')`, `duration('1h30m')`;
//! - of texts: `size()`, `lowerAscii()`, `upperAscii()`, `contains()`, `startsWith()`, `endsWith()`, and, where rules are evaluated in
//!   memory alone, `matches()`.
//!
//! Everything true or false is one of the two, never unknown: `null` equals `null` alone, is ordered before nothing and after nothing,
//! and contains nothing; a function of null is null; a comparison with `actor.id` is false, `!=` included, when there is no actor.
mod bound;
mod check;
mod lexer;
mod parser;
mod term;
#[cfg(test)]
mod tests;
mod text;

use std::fmt;

pub use bound::{Bound, Guards, Leaf, Needs, Related, Test};
pub use term::{Path, Relation, Term};
pub use text::{Pattern, TextTest};

use crate::{actor::Actor, time::Timestamp, value::Value};

/// Longest expression, in bytes.
pub const MAX_LENGTH: usize = 4_096;
/// Deepest nesting.
pub const MAX_DEPTH: usize = 32;
/// Most operators, operands and list items.
pub const MAX_NODES: usize = 512;

/// An expression that fits the columns it was checked against.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    expr: Expr,
}

/// Why an expression is refused, and where: a byte offset into its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleError {
    pub position: usize,
    pub message: String,
}

/// What an expression may read: the fields of a record, and of the records it refers to.
pub trait Scope {
    fn column(&self, name: &str) -> Option<Column>;

    /// The fields of what `column` refers to; `None` when it is no reference.
    fn related(&self, _column: usize) -> Option<Box<dyn Scope + '_>> {
        None
    }

    /// The roles that can be asked for; `None` when any can.
    fn roles(&self) -> Option<Vec<&str>> {
        None
    }
}

/// Fields alone.
impl<F: Fn(&str) -> Option<Column>> Scope for F {
    fn column(&self, name: &str) -> Option<Column> {
        self(name)
    }
}

/// One field of a record.
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
    /// The difference of two times, in microseconds.
    Duration,
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
    In { item: Operand, values: Vec<Value> },
    Text { test: TextTest, subject: Operand, argument: Operand },
    Matches { subject: Operand, pattern: Pattern },
}

/// A value that may depend on the record, the actor and the time.
#[derive(Clone, Debug, PartialEq)]
enum Operand {
    Field {
        relation: Option<usize>,
        field: usize,
    },
    ActorId,
    Now,
    Value(Value),
    Lower(Box<Self>),
    Upper(Box<Self>),
    Size(Box<Self>),
    /// A time so many microseconds later.
    Shift(Box<Self>, i64),
    /// The microseconds from the second time to the first.
    Between(Box<Self>, Box<Self>),
}

impl Rule {
    /// Parses `text` and checks it against what `scope` knows. `matches()` is refused: it cannot become SQL.
    pub fn parse(text: &str, scope: &dyn Scope) -> Result<Self, RuleError> {
        Self::checked(text, scope, false)
    }

    /// As [`parse`](Self::parse), for rules that are only ever evaluated in memory.
    pub fn parse_in_memory(text: &str, scope: &dyn Scope) -> Result<Self, RuleError> {
        Self::checked(text, scope, true)
    }

    fn checked(text: &str, scope: &dyn Scope, is_in_memory: bool) -> Result<Self, RuleError> {
        let syntax = parser::parse(text)?;
        Ok(Self { expr: check::check(&syntax, &check::Context { scope, is_in_memory })? })
    }

    /// The rule nobody satisfies.
    pub const fn never() -> Self {
        Self { expr: Expr::Const(false) }
    }

    /// This rule for one actor at one time: what is left depends on the record alone.
    pub fn bind(&self, actor: &Actor, now: Timestamp) -> Bound {
        bound::Binding { actor, now, guards: &() }.bind(&self.expr, false)
    }

    /// As [`bind`](Self::bind), where fields and related records count as null unless their guards hold.
    pub fn bind_guarded(&self, actor: &Actor, now: Timestamp, guards: &dyn Guards) -> Bound {
        bound::Binding { actor, now, guards }.bind(&self.expr, false)
    }

    /// Whether its answer depends on the record and nothing else: neither on the actor nor on the time.
    pub fn reads_record_alone(&self) -> bool {
        self.expr.reads_record_alone()
    }

    /// The roles it asks for.
    pub fn roles(&self) -> Vec<&str> {
        fn collect<'a>(expr: &'a Expr, roles: &mut Vec<&'a str>) {
            match expr {
                Expr::HasRole(role) => roles.push(role),
                Expr::Not(inner) => collect(inner, roles),
                Expr::All(parts) | Expr::Any(parts) => parts.iter().for_each(|part| collect(part, roles)),
                _ => {}
            }
        }
        let mut roles = Vec::new();
        collect(&self.expr, &mut roles);
        roles
    }
}

impl Expr {
    fn reads_record_alone(&self) -> bool {
        match self {
            Self::Const(_) => true,
            Self::IsAuthenticated | Self::HasRole(_) => false,
            Self::Not(inner) => inner.reads_record_alone(),
            Self::All(parts) | Self::Any(parts) => parts.iter().all(Self::reads_record_alone),
            Self::Compare { left, right, .. } => left.reads_record_alone() && right.reads_record_alone(),
            Self::In { item, .. } => item.reads_record_alone(),
            Self::Text { subject, argument, .. } => subject.reads_record_alone() && argument.reads_record_alone(),
            Self::Matches { subject, .. } => subject.reads_record_alone(),
        }
    }
}

impl Operand {
    fn reads_record_alone(&self) -> bool {
        match self {
            Self::Field { .. } | Self::Value(_) => true,
            Self::ActorId | Self::Now => false,
            Self::Lower(of) | Self::Upper(of) | Self::Size(of) | Self::Shift(of, _) => of.reads_record_alone(),
            Self::Between(later, earlier) => later.reads_record_alone() && earlier.reads_record_alone(),
        }
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
        !matches!(self, Self::Bool | Self::Enum(_) | Self::Json | Self::Id(_))
    }

    const fn is_text(&self) -> bool {
        matches!(self, Self::Text | Self::Enum(_))
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
            Self::Duration => f.write_str("duration"),
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
