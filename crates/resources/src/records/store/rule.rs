//! Rules and filters as SQL: true exactly where they hold in memory.
//!
//! Negation stands at the leaves only ([`Bound`]), so SQL's unknown can only arise in an "and" or an "or" of a WHERE clause,
//! where it counts as false. A leaf that must be true for null says so itself.
use kernel::{
    Value,
    rule::{Bound, Leaf, Op, Path, Relation, Term, Test, TextTest},
};

use super::{sql::Sql, visible_in};
use crate::schema::{Declaration, Resource};

/// Appends `rule` as a condition on the rows of the resource's table.
pub(super) fn push(sql: &mut Sql, declaration: &Declaration, resource: &Resource, rule: &Bound) {
    Rows { declaration, resource, name: &resource.name, depth: 0 }.push(sql, rule);
}

/// The rows a condition is about, by the name the statement knows them under.
struct Rows<'a> {
    declaration: &'a Declaration,
    resource: &'a Resource,
    name: &'a str,
    /// How many subqueries enclose this one.
    depth: usize,
}

impl Rows<'_> {
    fn push(&self, sql: &mut Sql, rule: &Bound) {
        match rule {
            Bound::Const(true) => sql.push("TRUE"),
            Bound::Const(false) => sql.push("FALSE"),
            Bound::All(parts) => self.join(sql, parts, " AND "),
            Bound::Any(parts) => self.join(sql, parts, " OR "),
            Bound::Leaf(leaf) => self.leaf(sql, leaf),
        }
    }

    fn join(&self, sql: &mut Sql, parts: &[Bound], operator: &str) {
        sql.push("(");
        for (index, part) in parts.iter().enumerate() {
            sql.push(if index == 0 { "" } else { operator });
            self.push(sql, part);
        }
        sql.push(")");
    }

    fn leaf(&self, sql: &mut Sql, leaf: &Leaf) {
        match &leaf.test {
            // Asked of the other table first, so that an index on the reference can serve.
            Test::Compare { left: Term::Field(Path { relation: Some(relation), field, guard }), op, right }
                if right.as_value().is_some_and(|value| !value.is_null()) && !leaf.is_negated && *op != Op::Ne =>
            {
                let left = Term::Field(Path { relation: None, field: *field, guard: guard.clone() });
                let test = Test::Compare { left, op: *op, right: right.clone() };
                let inner = Bound::Leaf(Leaf { test, is_negated: false });
                sql.push("(");
                self.column(sql, relation.column);
                sql.push(" IN (");
                self.select(sql, relation, "id", Some(&inner));
                sql.push(")");
                if let Some(sight) = &relation.sight {
                    sql.push(" AND ");
                    self.push(sql, sight);
                }
                sql.push(")");
            }
            Test::Compare { left, op, right } => self.compare(sql, left, *op, right, leaf.is_negated),
            Test::In { item, values } => self.is_in(sql, item, values, leaf.is_negated),
            Test::Text { test, subject, argument } => {
                let is_plain = |term: &Term| !self.is_nullable(term);
                negatable(sql, leaf.is_negated, is_plain(subject) && is_plain(argument), |sql| {
                    sql.push("(");
                    self.text(sql, *test, subject, argument);
                    sql.push(")");
                });
            }
            // Refused wherever a rule becomes SQL.
            Test::Matches { .. } => sql.push("FALSE"),
        }
    }

    fn compare(&self, sql: &mut Sql, left: &Term, op: Op, right: &Term, is_negated: bool) {
        let (has_null, operator) = (self.is_nullable(left) || self.is_nullable(right), operator(op));
        if right.as_value().is_some_and(Value::is_null) {
            return match op {
                Op::Eq | Op::Ne => {
                    self.term(sql, left);
                    sql.push(if op == Op::Eq { " IS NULL" } else { " IS NOT NULL" });
                }
                // Nothing is ordered before or after null.
                _ => sql.push(if is_negated { "TRUE" } else { "FALSE" }),
            };
        }
        let plain = |sql: &mut Sql, operator: &str| {
            self.term(sql, left);
            sql.push(operator);
            match (left, right) {
                // The column gives the parameter its type.
                (Term::Field(_), Term::Value(value)) => sql.value(value.clone()),
                _ => self.term(sql, right),
            }
        };
        match op {
            // A constant is not null: the plain comparison, which every index knows, is true of the same rows.
            Op::Eq if right.as_value().is_some() || !has_null => plain(sql, " = "),
            Op::Eq => plain(sql, " IS NOT DISTINCT FROM "),
            Op::Ne if has_null => plain(sql, " IS DISTINCT FROM "),
            _ => negatable(sql, is_negated, !has_null, |sql| plain(sql, operator)),
        }
    }

    fn is_in(&self, sql: &mut Sql, item: &Term, values: &[Value], is_negated: bool) {
        negatable(sql, is_negated, !self.is_nullable(item), |sql| {
            self.term(sql, item);
            sql.push(" IN (");
            for (index, value) in values.iter().enumerate() {
                sql.push(if index == 0 { "" } else { ", " });
                match item {
                    Term::Field(_) => sql.value(value.clone()),
                    _ => typed(sql, value),
                }
            }
            sql.push(")");
        });
    }

    /// Written with what both engines have; `instr` and `strpos` are one function under two names.
    fn text(&self, sql: &mut Sql, test: TextTest, subject: &Term, argument: &Term) {
        let template = match (test, argument) {
            // Everything begins with, ends with and contains nothing.
            (_, Term::Value(Value::Text(text))) if text.is_empty() => "?s IS NOT NULL",
            (TextTest::StartsWith, Term::Value(Value::Text(text))) => {
                // A range, which an index can serve.
                self.fill(sql, "?s >= ?a", subject, argument);
                let Some(after) = after_prefix(text) else { return };
                return self.fill(sql, " AND ?s < ?a", subject, &Term::Value(after.into()));
            }
            (TextTest::StartsWith, _) => "substr(?s, 1, length(?a)) = ?a",
            (TextTest::EndsWith, _) => "substr(?s, length(?s) - length(?a) + 1) = ?a",
            (TextTest::Contains, Term::Value(_)) => "length(replace(?s, ?a, '')) < length(?s)",
            (TextTest::Contains, _) => "(length(replace(?s, ?a, '')) < length(?s) OR (?a = '' AND ?s IS NOT NULL))",
        };
        self.fill(sql, template, subject, argument);
    }

    /// `template` with the subject for `?s` and the argument for `?a`.
    fn fill(&self, sql: &mut Sql, template: &str, subject: &Term, argument: &Term) {
        let mut pieces = template.split('?');
        sql.push(pieces.next().unwrap_or_default());
        for piece in pieces {
            self.term(sql, if piece.starts_with('s') { subject } else { argument });
            sql.push(piece.get(1..).unwrap_or_default());
        }
    }

    fn term(&self, sql: &mut Sql, term: &Term) {
        let call = |sql: &mut Sql, name: &str, of: &Term| {
            sql.push(name);
            self.term(sql, of);
            sql.push(")");
        };
        match term {
            Term::Value(value) => typed(sql, value),
            Term::Field(Path { relation: None, field, guard }) => self.guarded(sql, *field, guard.as_deref()),
            Term::Field(Path { relation: Some(relation), field, guard }) => {
                let name = self.target(relation).and_then(|target| target.columns.get(*field));
                sql.push("(");
                self.select(sql, relation, name.map_or("id", |column| column.name.as_str()), guard.as_deref());
                sql.push(&format!(" AND \"{}\".id = ", self.inner_name()));
                self.guarded(sql, relation.column, relation.sight.as_deref());
                sql.push(")");
            }
            Term::Lower(of) => call(sql, "lower(", of),
            Term::Upper(of) => call(sql, "upper(", of),
            Term::Size(of) => call(sql, "length(", of),
            Term::Shift(of, micros) => {
                sql.push("(");
                self.term(sql, of);
                sql.push(" + ");
                typed(sql, &(*micros).into());
                sql.push(")");
            }
            Term::Between(later, earlier) => {
                sql.push("(");
                self.term(sql, later);
                sql.push(" - ");
                self.term(sql, earlier);
                sql.push(")");
            }
        }
    }

    fn column(&self, sql: &mut Sql, field: usize) {
        let column = self.resource.columns.get(field).map_or("", |column| column.name.as_str());
        sql.push("\"");
        sql.push(self.name);
        sql.push("\".\"");
        sql.push(column);
        sql.push("\"");
    }

    fn guarded(&self, sql: &mut Sql, field: usize, guard: Option<&Bound>) {
        let Some(guard) = guard else { return self.column(sql, field) };
        sql.push("CASE WHEN ");
        self.push(sql, guard);
        sql.push(" THEN ");
        self.column(sql, field);
        sql.push(" END");
    }

    /// `SELECT column FROM` the related table, where the related record may be seen and `condition` holds for it.
    fn select(&self, sql: &mut Sql, relation: &Relation, column: &str, condition: Option<&Bound>) {
        let Some(target) = self.target(relation) else { return sql.push("SELECT NULL WHERE FALSE") };
        let name = self.inner_name();
        let rows = Rows { declaration: self.declaration, resource: target, name: &name, depth: self.depth + 1 };
        sql.push(&format!("SELECT \"{name}\".\"{column}\" FROM \"{}\" AS \"{name}\" WHERE TRUE", target.name));
        for condition in [condition, relation.guard.as_deref()].into_iter().flatten() {
            sql.push(" AND ");
            rows.push(sql, condition);
        }
        visible_in(sql, target, &name);
    }

    /// No resource has such a name.
    fn inner_name(&self) -> String {
        format!("related__{}", self.depth + 1)
    }

    fn target(&self, relation: &Relation) -> Option<&Resource> {
        self.declaration.target(self.resource, relation.column).map(AsRef::as_ref)
    }

    fn is_nullable(&self, term: &Term) -> bool {
        match term {
            Term::Value(value) => value.is_null(),
            Term::Field(Path { relation: None, field, guard: None }) => {
                self.resource.columns.get(*field).is_none_or(|column| column.is_nullable)
            }
            Term::Field(_) => true,
            Term::Lower(of) | Term::Upper(of) | Term::Size(of) | Term::Shift(of, _) => self.is_nullable(of),
            Term::Between(later, earlier) => self.is_nullable(later) || self.is_nullable(earlier),
        }
    }
}

/// A condition, or its negation, true where the condition is unknown.
fn negatable(sql: &mut Sql, is_negated: bool, is_known: bool, condition: impl FnOnce(&mut Sql)) {
    match (is_negated, is_known) {
        (false, _) => condition(sql),
        (true, true) => {
            sql.push("NOT (");
            condition(sql);
            sql.push(")");
        }
        (true, false) => {
            sql.push("NOT COALESCE(");
            condition(sql);
            sql.push(", FALSE)");
        }
    }
}

/// A parameter where nothing around it has a type: PostgreSQL would take it for what it likes.
fn typed(sql: &mut Sql, value: &Value) {
    let kind = match value {
        Value::Int(_) | Value::Timestamp(_) => "BIGINT",
        Value::Text(_) => "TEXT",
        _ => return sql.value(value.clone()),
    };
    sql.push("CAST(");
    sql.value(value.clone());
    sql.push(" AS ");
    sql.push(kind);
    sql.push(")");
}

/// The first text after all that begin with `prefix`; `None` when there is none.
fn after_prefix(prefix: &str) -> Option<String> {
    let mut chars: Vec<char> = prefix.chars().collect();
    while let Some(last) = chars.pop() {
        // Between the surrogates there is nothing.
        let next = if last == '\u{d7ff}' { Some('\u{e000}') } else { char::from_u32(u32::from(last) + 1) };
        if let Some(next) = next {
            chars.push(next);
            return Some(chars.into_iter().collect());
        }
    }
    None
}

const fn operator(op: Op) -> &'static str {
    match op {
        Op::Eq => " = ",
        Op::Ne => " <> ",
        Op::Lt => " < ",
        Op::Le => " <= ",
        Op::Gt => " > ",
        Op::Ge => " >= ",
    }
}
