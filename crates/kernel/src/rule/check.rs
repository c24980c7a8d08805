//! Gives every part its type and refuses what cannot be compared, so that nothing is left to fail when a rule runs.
use super::{
    Column, Expr, Op, Operand, RuleError, Type,
    parser::{Node, Syntax},
};
use crate::{
    actor::is_role,
    id::{Kind as _, User, decode},
    schema::parse_decimal,
    value::Value,
};

type Columns<'a> = &'a dyn Fn(&str) -> Option<Column>;

/// One side of a comparison before both types are known.
enum Side<'a> {
    Field(Column),
    ActorId,
    Literal(&'a Node),
}

pub(super) fn check(node: &Node, columns: Columns) -> Result<Expr, RuleError> {
    let fail = |message: &str| Err(RuleError::new(node.place, message));
    match &node.syntax {
        Syntax::Bool(truth) => Ok(Expr::Const(*truth)),
        Syntax::Not(inner) => Ok(Expr::Not(Box::new(check(inner, columns)?))),
        Syntax::All(parts) => Ok(Expr::All(parts.iter().map(|part| check(part, columns)).collect::<Result<_, _>>()?)),
        Syntax::Any(parts) => Ok(Expr::Any(parts.iter().map(|part| check(part, columns)).collect::<Result<_, _>>()?)),
        Syntax::Compare(op, left, right) => compare(node.place, *op, left, right, columns),
        Syntax::In(item, list) => is_in(node.place, item, list, columns),
        Syntax::Call { root, name, arguments } => call(node, root, name, arguments),
        Syntax::Member { root, name } if root == "actor" && name == "is_authenticated" => Ok(Expr::IsAuthenticated),
        Syntax::Member { .. } => match side(node, columns)? {
            Side::Field(Column { index, kind: Type::Bool }) => {
                let (left, right) = (Operand::Field(index), Operand::Value(Value::Bool(true)));
                Ok(Expr::Compare { op: Op::Eq, left, right })
            }
            _ => fail("this is not true or false; compare it with something"),
        },
        Syntax::Null | Syntax::Number(_) | Syntax::Text(_) | Syntax::List(_) => fail("this is not true or false"),
    }
}

fn call(node: &Node, root: &str, name: &str, arguments: &[Node]) -> Result<Expr, RuleError> {
    match (root, name, arguments) {
        ("actor", "has_role", [Node { syntax: Syntax::Text(role), place }]) => {
            if !is_role(role) {
                return Err(RuleError::new(*place, "a role is made of a-z, 0-9 and _, a letter first"));
            }
            Ok(Expr::HasRole(role.clone()))
        }
        ("actor", "has_role", _) => Err(RuleError::new(node.place, "has_role takes one string")),
        _ => Err(RuleError::new(node.place, format!("`{root}.{name}()` is not known"))),
    }
}

fn is_in(place: usize, item: &Node, list: &Node, columns: Columns) -> Result<Expr, RuleError> {
    let Syntax::List(items) = &list.syntax else {
        return Err(RuleError::new(list.place, "`in` needs a list in brackets"));
    };
    let equals = items.iter().map(|other| compare(place, Op::Eq, item, other, columns));
    Ok(Expr::Any(equals.collect::<Result<_, _>>()?))
}

fn compare(place: usize, op: Op, left: &Node, right: &Node, columns: Columns) -> Result<Expr, RuleError> {
    let is_ordering = !matches!(op, Op::Eq | Op::Ne);
    let (left, right) = match (side(left, columns)?, side(right, columns)?) {
        (Side::Field(left), Side::Field(right)) => {
            if !is_comparable(&left.kind, &right.kind) {
                let message = format!("{} and {} cannot be compared", left.kind, right.kind);
                return Err(RuleError::new(place, message));
            }
            refuse_ordering(place, is_ordering, &left.kind)?;
            (Operand::Field(left.index), Operand::Field(right.index))
        }
        (Side::Field(column), Side::ActorId) | (Side::ActorId, Side::Field(column)) => {
            if column.kind != Type::Id(User::PREFIX.into()) {
                return Err(RuleError::new(place, format!("actor.id and {} cannot be compared", column.kind)));
            }
            refuse_ordering(place, is_ordering, &column.kind)?;
            (Operand::Field(column.index), Operand::ActorId)
        }
        (Side::Field(column), Side::Literal(node)) => {
            refuse_ordering(place, is_ordering, &column.kind)?;
            (Operand::Field(column.index), Operand::Value(literal(node, &column.kind, is_ordering)?))
        }
        (Side::Literal(node), Side::Field(column)) => {
            refuse_ordering(place, is_ordering, &column.kind)?;
            (Operand::Value(literal(node, &column.kind, is_ordering)?), Operand::Field(column.index))
        }
        (Side::ActorId, Side::Literal(node)) | (Side::Literal(node), Side::ActorId) => {
            let kind = Type::Id(User::PREFIX.into());
            refuse_ordering(place, is_ordering, &kind)?;
            (Operand::ActorId, Operand::Value(literal(node, &kind, is_ordering)?))
        }
        (Side::ActorId, Side::ActorId) | (Side::Literal(_), Side::Literal(_)) => {
            return Err(RuleError::new(place, "this compares nothing of the record"));
        }
    };
    Ok(Expr::Compare { op, left, right })
}

fn side<'a>(node: &'a Node, columns: Columns) -> Result<Side<'a>, RuleError> {
    match &node.syntax {
        Syntax::Member { root, name } if root == "record" => columns(name)
            .map(Side::Field)
            .ok_or_else(|| RuleError::new(node.place, format!("the record has no field `{name}`"))),
        Syntax::Member { name, .. } if name == "id" => Ok(Side::ActorId),
        Syntax::Member { name, .. } if name == "is_authenticated" => {
            Err(RuleError::new(node.place, "is_authenticated is true or false by itself"))
        }
        Syntax::Member { name, .. } => {
            let message = format!("the actor has no `{name}`; known are id, is_authenticated and has_role()");
            Err(RuleError::new(node.place, message))
        }
        Syntax::Null | Syntax::Bool(_) | Syntax::Number(_) | Syntax::Text(_) => Ok(Side::Literal(node)),
        _ => Err(RuleError::new(node.place, "a field, actor.id or a plain value belongs here")),
    }
}

fn is_comparable(left: &Type, right: &Type) -> bool {
    match (left, right) {
        (Type::Json, _) | (_, Type::Json) => false,
        // Scales must agree: SQLite compares the digits.
        (Type::Decimal { scale: left, .. }, Type::Decimal { scale: right, .. }) => left == right,
        (Type::Enum(_) | Type::Text, Type::Enum(_) | Type::Text) => true,
        (left, right) => left == right,
    }
}

fn refuse_ordering(place: usize, is_ordering: bool, kind: &Type) -> Result<(), RuleError> {
    if is_ordering && !kind.is_ordered() {
        return Err(RuleError::new(place, format!("{kind} has no order; only == and != apply")));
    }
    Ok(())
}

/// The literal as a value of the column's type.
fn literal(node: &Node, kind: &Type, is_ordering: bool) -> Result<Value, RuleError> {
    let value = match (&node.syntax, kind) {
        (Syntax::Null, _) if is_ordering => {
            return Err(RuleError::new(node.place, "null has no order; only == and != apply"));
        }
        (Syntax::Null, _) => Some(Value::Null),
        (Syntax::Bool(truth), Type::Bool) => Some(Value::Bool(*truth)),
        (Syntax::Number(digits), Type::Int) => digits.parse().ok().map(Value::Int),
        (Syntax::Number(digits), Type::Float) => {
            digits.parse().ok().filter(|number: &f64| number.is_finite()).map(Value::Float)
        }
        (Syntax::Number(digits) | Syntax::Text(digits), Type::Decimal { precision, scale }) => {
            parse_decimal(digits, *precision, *scale).ok()
        }
        (Syntax::Text(text), Type::Text) => Some(text.as_str().into()),
        (Syntax::Text(text), Type::Enum(members)) => members.contains(text).then(|| text.as_str().into()),
        (Syntax::Text(text), Type::Id(prefix)) => decode(prefix, text).map(Value::Uuid),
        _ => None,
    };
    value.ok_or_else(|| RuleError::new(node.place, format!("this is not a value of type {kind}")))
}
