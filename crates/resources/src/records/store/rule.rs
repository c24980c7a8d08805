//! Access rules as SQL: true exactly where the rule holds in memory.
//!
//! Negation stands at the leaves only ([`Bound`]), so SQL's unknown can only arise in an "and" or an "or" of a WHERE clause,
//! where it counts as false. A leaf that must be true for null says so itself.
use kernel::{
    Value,
    rule::{Bound, Leaf, Op, Term},
};

use super::sql::Sql;
use crate::schema::{Declaration, Resource};

pub(super) fn push(sql: &mut Sql, declaration: &Declaration, resource: &Resource, rule: &Bound) {
    match rule {
        Bound::Const(true) => sql.push("TRUE"),
        Bound::Const(false) => sql.push("FALSE"),
        Bound::All(parts) => join(sql, declaration, resource, parts, " AND "),
        Bound::Any(parts) => join(sql, declaration, resource, parts, " OR "),
        Bound::Leaf(leaf) => push_leaf(sql, declaration, resource, leaf),
    }
}

fn join(sql: &mut Sql, declaration: &Declaration, resource: &Resource, parts: &[Bound], operator: &str) {
    sql.push("(");
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            sql.push(operator);
        }
        push(sql, declaration, resource, part);
    }
    sql.push(")");
}

fn push_leaf(sql: &mut Sql, _declaration: &Declaration, resource: &Resource, leaf: &Leaf) {
    let name = |index: usize| resource.columns.get(index).map_or("", |column| column.name.as_str());
    let is_nullable = |index: usize| resource.columns.get(index).is_some_and(|column| column.is_nullable);
    let left = format!("\"{}\"", name(leaf.field));
    match &leaf.other {
        Term::Value(Value::Null) => sql.push(&match leaf.op {
            Op::Eq => format!("{left} IS NULL"),
            Op::Ne => format!("{left} IS NOT NULL"),
            // Nothing is ordered before or after null.
            _ if leaf.is_negated => "TRUE".to_owned(),
            _ => "FALSE".to_owned(),
        }),
        Term::Value(value) => {
            let is_true_for_null = is_nullable(leaf.field) && (leaf.op == Op::Ne || leaf.is_negated);
            sql.push(if is_true_for_null { "(" } else { "" });
            sql.push(&format!("{left} {} ", operator(leaf)));
            sql.value(value.clone());
            if is_true_for_null {
                sql.push(&format!(" OR {left} IS NULL)"));
            }
        }
        Term::Field(other) => {
            let right = format!("\"{}\"", name(*other));
            let has_null = is_nullable(leaf.field) || is_nullable(*other);
            sql.push(&match leaf.op {
                Op::Eq if has_null => format!("{left} IS NOT DISTINCT FROM {right}"),
                Op::Ne if has_null => format!("{left} IS DISTINCT FROM {right}"),
                _ if leaf.is_negated && has_null => {
                    format!("({left} {} {right} OR {left} IS NULL OR {right} IS NULL)", operator(leaf))
                }
                _ => format!("{left} {} {right}", operator(leaf)),
            });
        }
    }
}

const fn operator(leaf: &Leaf) -> &'static str {
    let op = if leaf.is_negated { leaf.op.opposite() } else { leaf.op };
    match op {
        Op::Eq => "=",
        Op::Ne => "<>",
        Op::Lt => "<",
        Op::Le => "<=",
        Op::Gt => ">",
        Op::Ge => ">=",
    }
}
