//! A rule for one actor: negation pushed to the leaves, what is known folded away, ready for memory or SQL.
use std::cmp::Ordering;

use super::{Expr, Op, Operand};
use crate::{actor::Actor, value::Value};

/// What is left of a rule once the actor is known.
#[derive(Clone, Debug, PartialEq)]
pub enum Bound {
    Const(bool),
    All(Vec<Self>),
    Any(Vec<Self>),
    Leaf(Leaf),
}

/// One comparison of a field.
#[derive(Clone, Debug, PartialEq)]
pub struct Leaf {
    pub field: usize,
    pub op: Op,
    pub other: Term,
    /// The comparison must fail. Not the same as its opposite: both are false when a side of an ordering is null.
    /// Never set for `==` and `!=`.
    pub is_negated: bool,
}

/// What a field is compared with.
#[derive(Clone, Debug, PartialEq)]
pub enum Term {
    Field(usize),
    Value(Value),
}

impl Bound {
    /// Whether the record whose values are `record` satisfies the rule.
    pub fn matches(&self, record: &[Value]) -> bool {
        match self {
            Self::Const(truth) => *truth,
            Self::All(parts) => parts.iter().all(|part| part.matches(record)),
            Self::Any(parts) => parts.iter().any(|part| part.matches(record)),
            Self::Leaf(leaf) => {
                let left = record.get(leaf.field).unwrap_or(&Value::Null);
                let right = match &leaf.other {
                    Term::Field(index) => record.get(*index).unwrap_or(&Value::Null),
                    Term::Value(value) => value,
                };
                compare(left, leaf.op, right) != leaf.is_negated
            }
        }
    }
}

pub(super) fn bind(expr: &Expr, actor: &Actor, negated: bool) -> Bound {
    match expr {
        Expr::Const(truth) => Bound::Const(*truth != negated),
        Expr::IsAuthenticated => Bound::Const(actor.is_authenticated() != negated),
        Expr::HasRole(role) => Bound::Const(actor.has_role(role) != negated),
        Expr::Not(inner) => bind(inner, actor, !negated),
        // De Morgan: a negated "all" is an "any" of the negated parts.
        Expr::All(parts) => join(parts, actor, negated, !negated),
        Expr::Any(parts) => join(parts, actor, negated, negated),
        Expr::Compare { op, left, right } => leaf(*op, left, right, actor, negated),
    }
}

fn join(parts: &[Expr], actor: &Actor, negated: bool, is_all: bool) -> Bound {
    let mut left = Vec::with_capacity(parts.len());
    for part in parts {
        match bind(part, actor, negated) {
            // False decides an "all", true an "any"; the other constant adds nothing.
            Bound::Const(truth) if truth != is_all => return Bound::Const(truth),
            Bound::Const(_) => {}
            part => left.push(part),
        }
    }
    match left.pop() {
        None => Bound::Const(is_all),
        Some(only) if left.is_empty() => only,
        last => {
            left.extend(last);
            if is_all { Bound::All(left) } else { Bound::Any(left) }
        }
    }
}

fn leaf(op: Op, left: &Operand, right: &Operand, actor: &Actor, negated: bool) -> Bound {
    let (Some(left), Some(right)) = (term(left, actor), term(right, actor)) else {
        // Something absent is part of no true comparison.
        return Bound::Const(negated);
    };
    let (field, op, other) = match (left, right) {
        (Term::Value(left), Term::Value(right)) => return Bound::Const(compare(&left, op, &right) != negated),
        (Term::Field(field), other) => (field, op, other),
        (other, Term::Field(field)) => (field, op.flipped(), other),
    };
    match op {
        Op::Eq | Op::Ne if negated => Bound::Leaf(Leaf { field, op: op.opposite(), other, is_negated: false }),
        _ => Bound::Leaf(Leaf { field, op, other, is_negated: negated }),
    }
}

/// `None` when the actor has no such thing.
fn term(operand: &Operand, actor: &Actor) -> Option<Term> {
    match operand {
        Operand::Field(index) => Some(Term::Field(*index)),
        Operand::ActorId => actor.user_id().map(|id| Term::Value(id.into())),
        Operand::Value(value) => Some(Term::Value(value.clone())),
    }
}

fn compare(left: &Value, op: Op, right: &Value) -> bool {
    let order = match (left, right) {
        (Value::Null, Value::Null) => return op == Op::Eq,
        (Value::Null, _) | (_, Value::Null) => return op == Op::Ne,
        (Value::Bool(left), Value::Bool(right)) => left.partial_cmp(right),
        (Value::Int(left), Value::Int(right)) => left.partial_cmp(right),
        (Value::Float(left), Value::Float(right)) => left.partial_cmp(right),
        (Value::Decimal(left), Value::Decimal(right)) => left.partial_cmp(right),
        // Bytes of UTF-8 sort as their code points do.
        (Value::Text(left), Value::Text(right)) => left.partial_cmp(right),
        (Value::Uuid(left), Value::Uuid(right)) => left.partial_cmp(right),
        (Value::Timestamp(left), Value::Timestamp(right)) => left.partial_cmp(right),
        _ => None,
    };
    order.is_some_and(|order| match op {
        Op::Eq => order == Ordering::Equal,
        Op::Ne => order != Ordering::Equal,
        Op::Lt => order == Ordering::Less,
        Op::Le => order != Ordering::Greater,
        Op::Gt => order == Ordering::Greater,
        Op::Ge => order != Ordering::Less,
    })
}
