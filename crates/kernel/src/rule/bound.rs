//! A rule for one actor: negation pushed to the leaves, what is known folded away, ready for memory or SQL.
use std::{cmp::Ordering, collections::BTreeMap, sync::Arc};

use super::{Expr, Op, Operand, Path, Pattern, Relation, Term, TextTest};
use crate::{actor::Actor, time::Timestamp, value::Value};

/// What is left of a rule once the actor and the time are known.
#[derive(Clone, Debug, PartialEq)]
pub enum Bound {
    Const(bool),
    All(Vec<Self>),
    Any(Vec<Self>),
    Leaf(Leaf),
}

/// One question to the record.
#[derive(Clone, Debug, PartialEq)]
pub struct Leaf {
    pub test: Test,
    /// The test must fail. For an ordering that is not the same as its opposite: both fail when a side is null.
    /// Never set for `==` and `!=`.
    pub is_negated: bool,
}

/// A question and what it is about; one term at least depends on the record.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// A constant stands right.
    Compare {
        left: Term,
        op: Op,
        right: Term,
    },
    /// None of the values is null.
    In {
        item: Term,
        values: Vec<Value>,
    },
    Text {
        test: TextTest,
        subject: Term,
        argument: Term,
    },
    /// Cannot become SQL.
    Matches {
        subject: Term,
        pattern: Pattern,
    },
}

/// What fields and related records must satisfy to be seen by a filter.
pub trait Guards {
    /// For a field of the record (`relation` is `None`) or of the one that column refers to.
    fn field(&self, relation: Option<usize>, field: usize) -> Option<Arc<Bound>>;
    /// For the record that `column` refers to.
    fn relation(&self, column: usize) -> Option<Arc<Bound>>;
}

/// Nothing is guarded: access rules see everything.
impl Guards for () {
    fn field(&self, _: Option<usize>, _: usize) -> Option<Arc<Bound>> {
        None
    }

    fn relation(&self, _: usize) -> Option<Arc<Bound>> {
        None
    }
}

/// The records that a record refers to, as far as a rule needs them, by the column that refers to them.
#[derive(Clone, Debug, Default)]
pub struct Related(BTreeMap<usize, (Vec<Value>, Related)>);

/// The columns whose records must be at hand, and in turn what of theirs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs(pub BTreeMap<usize, Needs>);

impl Related {
    pub fn insert(&mut self, column: usize, record: Vec<Value>, related: Self) {
        self.0.insert(column, (record, related));
    }

    pub(super) fn get(&self, column: usize) -> Option<(&[Value], &Self)> {
        self.0.get(&column).map(|(record, related)| (record.as_slice(), related))
    }
}

impl Needs {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Bound {
    /// Whether the record whose values are `record` satisfies the rule, which reads no related records.
    pub fn matches(&self, record: &[Value]) -> bool {
        self.matches_with(record, &Related::default())
    }

    /// Whether the record satisfies the rule; `related` holds what it [needs](Self::needs).
    pub fn matches_with(&self, record: &[Value], related: &Related) -> bool {
        match self {
            Self::Const(truth) => *truth,
            Self::All(parts) => parts.iter().all(|part| part.matches_with(record, related)),
            Self::Any(parts) => parts.iter().any(|part| part.matches_with(record, related)),
            Self::Leaf(leaf) => leaf.test.holds(record, related) != leaf.is_negated,
        }
    }

    /// The related records it reads.
    pub fn needs(&self) -> Needs {
        let mut needs = Needs::default();
        self.collect_needs(&mut needs);
        needs
    }

    fn collect_needs(&self, needs: &mut Needs) {
        match self {
            Self::Const(_) => {}
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.collect_needs(needs)),
            Self::Leaf(leaf) => {
                for path in leaf.test.paths() {
                    let needs = match &path.relation {
                        None => &mut *needs,
                        Some(relation) => {
                            if let Some(sight) = &relation.sight {
                                sight.collect_needs(needs);
                            }
                            let inner = needs.0.entry(relation.column).or_default();
                            if let Some(guard) = &relation.guard {
                                guard.collect_needs(inner);
                            }
                            inner
                        }
                    };
                    if let Some(guard) = &path.guard {
                        guard.collect_needs(needs);
                    }
                }
            }
        }
    }
}

impl Test {
    fn holds(&self, record: &[Value], related: &Related) -> bool {
        match self {
            Self::Compare { left, op, right } => {
                compare(&left.value(record, related), *op, &right.value(record, related))
            }
            Self::In { item, values } => {
                let item = item.value(record, related);
                values.iter().any(|value| compare(&item, Op::Eq, value))
            }
            Self::Text { test, subject, argument } => {
                match (&*subject.value(record, related), &*argument.value(record, related)) {
                    (Value::Text(subject), Value::Text(argument)) => test.holds(subject, argument),
                    _ => false,
                }
            }
            Self::Matches { subject, pattern } => match &*subject.value(record, related) {
                Value::Text(subject) => pattern.matches(subject),
                _ => false,
            },
        }
    }

    fn terms(&self) -> Vec<&Term> {
        match self {
            Self::Compare { left, right, .. } => vec![left, right],
            Self::Text { subject, argument, .. } => vec![subject, argument],
            Self::In { item: term, .. } | Self::Matches { subject: term, .. } => vec![term],
        }
    }

    fn paths(&self) -> Vec<&Path> {
        let mut paths = Vec::new();
        for term in self.terms() {
            term.paths(&mut paths);
        }
        paths
    }
}

/// An actor, a time and what may be seen.
pub(super) struct Binding<'a> {
    pub actor: &'a Actor,
    pub now: Timestamp,
    pub guards: &'a dyn Guards,
}

impl Binding<'_> {
    pub fn bind(&self, expr: &Expr, negated: bool) -> Bound {
        match expr {
            Expr::Const(truth) => Bound::Const(*truth != negated),
            Expr::IsAuthenticated => Bound::Const(self.actor.is_authenticated() != negated),
            Expr::HasRole(role) => Bound::Const(self.actor.has_role(role) != negated),
            Expr::Not(inner) => self.bind(inner, !negated),
            // De Morgan: a negated "all" is an "any" of the negated parts.
            Expr::All(parts) => self.join(parts, negated, !negated),
            Expr::Any(parts) => self.join(parts, negated, negated),
            Expr::Compare { op, left, right } => self.compare(*op, left, right, negated),
            Expr::In { item, values } => {
                let item = self.term(item);
                leaf(item.map(|item| Test::In { item, values: values.clone() }), negated)
            }
            Expr::Text { test, subject, argument } => {
                let both = self.term(subject).zip(self.term(argument));
                leaf(both.map(|(subject, argument)| Test::Text { test: *test, subject, argument }), negated)
            }
            Expr::Matches { subject, pattern } => {
                let subject = self.term(subject);
                leaf(subject.map(|subject| Test::Matches { subject, pattern: pattern.clone() }), negated)
            }
        }
    }

    fn join(&self, parts: &[Expr], negated: bool, is_all: bool) -> Bound {
        let mut left = Vec::with_capacity(parts.len());
        for part in parts {
            match self.bind(part, negated) {
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

    fn compare(&self, op: Op, left: &Operand, right: &Operand, negated: bool) -> Bound {
        let Some((left, right)) = self.term(left).zip(self.term(right)) else {
            return Bound::Const(negated);
        };
        let (left, op, right) = if left.as_value().is_some() { (right, op.flipped(), left) } else { (left, op, right) };
        match op {
            Op::Eq | Op::Ne if negated => leaf(Some(Test::Compare { left, op: op.opposite(), right }), false),
            _ => leaf(Some(Test::Compare { left, op, right }), negated),
        }
    }

    /// `None` when the actor has no such thing.
    fn term(&self, operand: &Operand) -> Option<Term> {
        let inner = |of: &Operand| self.term(of).map(Box::new);
        let term = match operand {
            Operand::Field { relation, field } => Term::Field(Path {
                relation: relation.map(|column| Relation {
                    column,
                    sight: self.guards.field(None, column),
                    guard: self.guards.relation(column),
                }),
                field: *field,
                guard: self.guards.field(*relation, *field),
            }),
            Operand::ActorId => Term::Value(self.actor.user_id()?.into()),
            Operand::Now => Term::Value(self.now.into()),
            Operand::Value(value) => Term::Value(value.clone()),
            Operand::Lower(of) => Term::Lower(inner(of)?),
            Operand::Upper(of) => Term::Upper(inner(of)?),
            Operand::Size(of) => Term::Size(inner(of)?),
            Operand::Shift(of, micros) => Term::Shift(inner(of)?, *micros),
            Operand::Between(later, earlier) => Term::Between(inner(later)?, inner(earlier)?),
        };
        Some(term.folded())
    }
}

/// A question, or its answer where the record is not asked. Something absent is part of no true test.
fn leaf(test: Option<Test>, is_negated: bool) -> Bound {
    match test {
        None => Bound::Const(is_negated),
        Some(test) if test.terms().iter().all(|term| term.as_value().is_some()) => {
            Bound::Const(test.holds(&[], &Related::default()) != is_negated)
        }
        Some(Test::In { values, .. }) if values.is_empty() => Bound::Const(is_negated),
        Some(test) => Bound::Leaf(Leaf { test, is_negated }),
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
