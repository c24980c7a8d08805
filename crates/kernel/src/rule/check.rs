//! Gives every part its type and refuses what does not fit, so that nothing is left to fail when a rule runs.
use super::{
    Column, Expr, Op, Operand, Pattern, RuleError, Scope, TextTest, Type,
    parser::{Node, Syntax},
};
use crate::{
    actor::is_role,
    duration,
    id::{Kind as _, User, decode},
    schema::parse_decimal,
    time::{Timestamp, is_date},
    value::Value,
};

/// What an expression may use.
pub(super) struct Context<'a> {
    pub scope: &'a dyn Scope,
    /// It never becomes SQL.
    pub is_in_memory: bool,
}

/// One side of a comparison before both types are known.
enum Side<'a> {
    Typed(Operand, Type),
    Literal(&'a Node),
}

type Checked<T> = Result<T, RuleError>;

fn fail<T>(place: usize, message: impl Into<String>) -> Checked<T> {
    Err(RuleError::new(place, message))
}

/// The expression as something true or false.
pub(super) fn check(node: &Node, context: &Context) -> Checked<Expr> {
    let all = |parts: &[Node]| parts.iter().map(|part| check(part, context)).collect::<Checked<Vec<_>>>();
    match &node.syntax {
        Syntax::Bool(truth) => Ok(Expr::Const(*truth)),
        Syntax::Not(inner) => Ok(Expr::Not(Box::new(check(inner, context)?))),
        Syntax::All(parts) => Ok(Expr::All(all(parts)?)),
        Syntax::Any(parts) => Ok(Expr::Any(all(parts)?)),
        Syntax::Compare(op, left, right) => compare(node.place, *op, left, right, context),
        Syntax::In(item, list) => is_in(node.place, item, list, context),
        Syntax::Member { of, name } if is_name(of, "actor") && name == "is_authenticated" => Ok(Expr::IsAuthenticated),
        Syntax::Call { of, name, arguments } => match predicate(node, of.as_deref(), name, arguments, context)? {
            Some(expr) => Ok(expr),
            None => truth(node, context),
        },
        Syntax::Member { .. } | Syntax::Name(_) => truth(node, context),
        _ => fail(node.place, "this is not true or false"),
    }
}

/// A field that is true or false by itself.
fn truth(node: &Node, context: &Context) -> Checked<Expr> {
    match side(node, context)? {
        Side::Typed(left, Type::Bool) => {
            Ok(Expr::Compare { op: Op::Eq, left, right: Operand::Value(Value::Bool(true)) })
        }
        _ => fail(node.place, "this is not true or false; compare it with something"),
    }
}

fn is_name(node: &Node, name: &str) -> bool {
    matches!(&node.syntax, Syntax::Name(found) if found == name)
}

/// Calls that are true or false; `None` for those that give another value.
fn predicate(
    node: &Node,
    of: Option<&Node>,
    name: &str,
    arguments: &[Node],
    context: &Context,
) -> Checked<Option<Expr>> {
    if let Some(of) = of.filter(|of| is_name(of, "actor")) {
        return match (name, arguments) {
            ("has_role", [Node { syntax: Syntax::Text(role), place }]) if !is_role(role) => {
                fail(*place, "a role is made of a-z, 0-9 and _, a letter first")
            }
            ("has_role", [Node { syntax: Syntax::Text(role), place }]) => match context.scope.roles() {
                Some(roles) if !roles.contains(&role.as_str()) => {
                    fail(*place, format!("there is no role `{role}`; declared are {}", roles.join(", ")))
                }
                _ => Ok(Some(Expr::HasRole(role.clone()))),
            },
            ("has_role", _) => fail(node.place, "has_role takes one string"),
            _ => fail(of.place, format!("the actor has no `{name}()`; known is has_role('name')")),
        };
    }
    match (of, name, arguments) {
        (None, "has", [field @ Node { syntax: Syntax::Member { .. }, .. }]) => match side(field, context)? {
            Side::Typed(left @ Operand::Field { .. }, _) => {
                Ok(Some(Expr::Compare { op: Op::Ne, left, right: Operand::Value(Value::Null) }))
            }
            _ => fail(field.place, "has() asks for a field of the record"),
        },
        (None, "has", _) => fail(node.place, "has() takes one field of the record"),
        (Some(of), "matches", [Node { syntax: Syntax::Text(pattern), place }]) => {
            if !context.is_in_memory {
                return fail(node.place, "matches() cannot be asked of a database; use contains() or startsWith()");
            }
            let subject = text_operand(of, context)?;
            let pattern = Pattern::parse(pattern).map_err(|message| RuleError::new(*place, message))?;
            Ok(Some(Expr::Matches { subject, pattern }))
        }
        (Some(_), "matches", _) => fail(node.place, "matches() takes one pattern, a string"),
        (Some(of), _, _) => {
            let Some(test) = TextTest::parse(name) else { return Ok(None) };
            let [argument] = arguments else { return fail(node.place, format!("{name}() takes one text")) };
            let subject = text_operand(of, context)?;
            Ok(Some(Expr::Text { test, subject, argument: text_operand(argument, context)? }))
        }
        (None, _, _) => Ok(None),
    }
}

fn text_operand(node: &Node, context: &Context) -> Checked<Operand> {
    match side(node, context)? {
        Side::Typed(operand, kind) if kind.is_text() => Ok(operand),
        Side::Literal(Node { syntax: Syntax::Text(text), .. }) => Ok(Operand::Value(text.as_str().into())),
        _ => fail(node.place, "a text belongs here"),
    }
}

/// Plain values become one test, the rest a comparison each.
fn is_in(place: usize, item: &Node, list: &Node, context: &Context) -> Checked<Expr> {
    let Syntax::List(items) = &list.syntax else {
        return fail(list.place, "`in` needs a list in brackets");
    };
    let (mut values, mut parts) = (Vec::new(), Vec::new());
    for other in items {
        match compare(place, Op::Eq, item, other, context)? {
            Expr::Compare { right: Operand::Value(value), .. } if !value.is_null() => values.push(value),
            part => parts.push(part),
        }
    }
    if let (false, Side::Typed(item, _)) = (values.is_empty(), side(item, context)?) {
        parts.push(Expr::In { item, values });
    }
    Ok(Expr::Any(parts))
}

fn compare(place: usize, op: Op, left: &Node, right: &Node, context: &Context) -> Checked<Expr> {
    let is_ordering = !matches!(op, Op::Eq | Op::Ne);
    let ordered = |kind: &Type| {
        if is_ordering && !kind.is_ordered() {
            return fail(place, format!("{kind} has no order; only == and != apply"));
        }
        Ok(())
    };
    let (left, right) = match (side(left, context)?, side(right, context)?) {
        (Side::Typed(left, left_kind), Side::Typed(right, right_kind)) => {
            if !is_comparable(&left_kind, &right_kind) {
                return fail(place, format!("{left_kind} and {right_kind} cannot be compared"));
            }
            ordered(&left_kind)?;
            (left, right)
        }
        (Side::Typed(left, kind), Side::Literal(node)) => {
            ordered(&kind)?;
            (left, Operand::Value(literal(node, &kind, is_ordering)?))
        }
        (Side::Literal(node), Side::Typed(right, kind)) => {
            ordered(&kind)?;
            (Operand::Value(literal(node, &kind, is_ordering)?), right)
        }
        (Side::Literal(_), Side::Literal(_)) => return fail(place, "this compares nothing of the record"),
    };
    Ok(Expr::Compare { op, left, right })
}

fn side<'a>(node: &'a Node, context: &Context) -> Checked<Side<'a>> {
    let typed = |operand, kind| Ok(Side::Typed(operand, kind));
    match &node.syntax {
        Syntax::Null | Syntax::Bool(_) | Syntax::Number(_) | Syntax::Text(_) => Ok(Side::Literal(node)),
        Syntax::Name(name) => match name.as_str() {
            "now" => typed(Operand::Now, Type::Timestamp),
            "record" | "actor" => fail(node.place, format!("a dot and a name must follow `{name}`")),
            _ => fail(node.place, format!("`{name}` is not known; known are record, actor and now")),
        },
        Syntax::Member { of, name } => match &of.syntax {
            Syntax::Name(root) if root == "record" => {
                let Column { index, kind } = field(context.scope, name, node.place)?;
                typed(Operand::Field { relation: None, field: index }, kind)
            }
            Syntax::Name(root) if root == "actor" => match name.as_str() {
                "id" => typed(Operand::ActorId, Type::Id(User::PREFIX.into())),
                "is_authenticated" => fail(node.place, "is_authenticated is true or false by itself"),
                _ => fail(
                    node.place,
                    format!("the actor has no `{name}`; known are id, is_authenticated and has_role()"),
                ),
            },
            Syntax::Member { of: root, name: reference } if is_name(root, "record") => {
                let relation = field(context.scope, reference, of.place)?.index;
                let Some(scope) = context.scope.related(relation) else {
                    return fail(node.place, format!("`{reference}` refers to no other record"));
                };
                let Column { index, kind } = field(&*scope, name, node.place)?;
                typed(Operand::Field { relation: Some(relation), field: index }, kind)
            }
            Syntax::Name(root) => fail(of.place, format!("`{root}` is not known; known are record, actor and now")),
            Syntax::Member { .. } => fail(node.place, "only one step to another record can be taken"),
            _ => fail(node.place, "this has no members"),
        },
        Syntax::Call { of, name, arguments } => call(node, of.as_deref(), name, arguments, context),
        Syntax::Add(left, right) => sum(node.place, left, right, false, context),
        Syntax::Subtract(left, right) => sum(node.place, left, right, true, context),
        _ => fail(node.place, "a field, actor.id, now or a plain value belongs here"),
    }
}

fn field(scope: &dyn Scope, name: &str, place: usize) -> Checked<Column> {
    scope.column(name).ok_or_else(|| RuleError::new(place, format!("the record has no field `{name}`")))
}

/// Calls that give a value.
fn call<'a>(
    node: &'a Node,
    of: Option<&'a Node>,
    name: &str,
    arguments: &'a [Node],
    context: &Context,
) -> Checked<Side<'a>> {
    let text = |node| text_operand(node, context).map(Box::new);
    match (of, name, arguments) {
        (None, "size", [of]) | (Some(of), "size", []) => Ok(Side::Typed(Operand::Size(text(of)?), Type::Int)),
        (Some(of), "lowerAscii", []) => Ok(Side::Typed(Operand::Lower(text(of)?), Type::Text)),
        (Some(of), "upperAscii", []) => Ok(Side::Typed(Operand::Upper(text(of)?), Type::Text)),
        (None, "timestamp", [Node { syntax: Syntax::Text(text), place }]) => {
            let at = Timestamp::parse(text).ok_or_else(|| RuleError::new(*place, "this is not an RFC 3339 time"))?;
            Ok(Side::Typed(Operand::Value(at.into()), Type::Timestamp))
        }
        (None, "duration", [Node { syntax: Syntax::Text(text), place }]) => {
            let micros = micros(text).ok_or_else(|| {
                RuleError::new(*place, "this is not a duration of at most ten years, as 90s, 1h30m or 7d")
            })?;
            Ok(Side::Typed(Operand::Value(micros.into()), Type::Duration))
        }
        _ => {
            let known =
                "size() lowerAscii() upperAscii() contains() startsWith() endsWith() has() timestamp() duration()";
            fail(node.place, format!("`{name}` with such arguments is not known here; known are {known}"))
        }
    }
}

/// A time and a duration make a time; two times make a duration.
fn sum<'a>(place: usize, left: &Node, right: &Node, is_minus: bool, context: &Context) -> Checked<Side<'a>> {
    let (Side::Typed(left, left_kind), Side::Typed(right, right_kind)) = (side(left, context)?, side(right, context)?)
    else {
        return fail(place, "only times and durations can be added; write timestamp('...') and duration('...')");
    };
    match (left_kind, right_kind, right) {
        (Type::Timestamp, Type::Duration, Operand::Value(Value::Int(micros))) => {
            let micros = if is_minus { -micros } else { micros };
            Ok(Side::Typed(Operand::Shift(Box::new(left), micros), Type::Timestamp))
        }
        (Type::Timestamp, Type::Timestamp, right) if is_minus => {
            Ok(Side::Typed(Operand::Between(Box::new(left), Box::new(right)), Type::Duration))
        }
        _ => fail(place, "known are time + duration('...'), time - duration('...') and time - time"),
    }
}

/// `1h30m`, `-90s`, in microseconds; at most ten years.
fn micros(text: &str) -> Option<i64> {
    let (text, is_negative) = text.strip_prefix('-').map_or((text, false), |text| (text, true));
    let mut total: i64 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let unit = rest.get(digits..)?.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (part, after) = rest.split_at_checked(digits + unit)?;
        let part = if part.trim_start_matches('0').len() == unit && digits > 0 && unit > 0 {
            // Nothing of a unit that is known.
            duration::read(&format!("1{}", part.get(digits..)?)).map(|_| 0).ok()?
        } else {
            i64::try_from(duration::read(part).ok()?.as_micros()).ok()?
        };
        total = total.checked_add(part)?;
        rest = after;
    }
    let is_bounded = !text.is_empty() && total <= 3650 * 86_400_000_000;
    is_bounded.then_some(if is_negative { -total } else { total })
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

/// The literal as a value of the other side's type.
fn literal(node: &Node, kind: &Type, is_ordering: bool) -> Checked<Value> {
    let value = match (&node.syntax, kind) {
        (Syntax::Null, _) if is_ordering => return fail(node.place, "null has no order; only == and != apply"),
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
        (Syntax::Text(text), Type::Date) => is_date(text).then(|| text.as_str().into()),
        (Syntax::Text(text), Type::Timestamp) => Timestamp::parse(text).map(Value::Timestamp),
        (Syntax::Text(text), Type::Id(prefix)) => decode(prefix, text).map(Value::Uuid),
        _ => None,
    };
    value.ok_or_else(|| RuleError::new(node.place, format!("this is not a value of type {kind}")))
}
