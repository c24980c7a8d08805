//! Sums, extremes and counts of groups of records.
use ::store::{Dialect, Row, Tx};
use kernel::{Error, Result, Value, schema::Kind};

use super::{
    super::{
        Scope, Sight, SortKey, View,
        aggregate::{Measured, Measures, Sum, Total},
        cursor::Place,
        model::level,
    },
    order, scope,
    sql::Sql,
};
const HALF: i128 = 1 << 32;
/// 2^64: floats are divided by it and multiplied with it without a loss.
const FAR: f64 = 18_446_744_073_709_551_616.0;

/// What is asked, of which records, by whom.
pub(in crate::records) struct Question<'a> {
    pub scope: &'a Scope,
    pub view: &'a View,
    pub measures: &'a Measures,
}

/// Up to `limit` groups in the order of `keys`, the fields they are made by, after the place `after`.
pub(in crate::records) async fn aggregate(
    tx: &mut Tx<'_>,
    question: &Question<'_>,
    keys: &[SortKey],
    after: Option<&Place>,
    limit: usize,
) -> Result<Vec<Measured>> {
    let Question { scope, measures, .. } = question;
    let mut sql = Sql::new();
    sql.push("SELECT COUNT(*)");
    for column in &measures.group {
        sql.push(", ");
        question.field(&mut sql, *column);
    }
    for (function, columns) in [(", MIN(", &measures.min), (", MAX(", &measures.max)] {
        for column in columns {
            question.call(&mut sql, function, *column, ")");
        }
    }
    for column in &measures.totals {
        question.push_total(&mut sql, tx.dialect(), *column);
    }
    scope::push(tx, &mut sql, scope);
    if let Some(after) = after {
        order::push_after(&mut sql, &scope.resource, keys, after);
    }
    for (nth, column) in measures.group.iter().enumerate() {
        sql.push(if nth == 0 { " GROUP BY " } else { ", " });
        question.field(&mut sql, *column);
    }
    order::push(&mut sql, &scope.resource, keys);
    sql.push(" LIMIT ");
    sql.value(i64::try_from(limit).unwrap_or(i64::MAX));
    let rows = tx.query(&sql.text, &sql.params).await?;
    rows.into_iter().map(|row| question.measured(tx.dialect(), row)).collect()
}

impl Question<'_> {
    /// The field, null where it is not shown.
    fn field(&self, sql: &mut Sql, column: usize) {
        let name = self.scope.resource.columns.get(column).map_or("", |column| column.name.as_str());
        match self.view.sight(column) {
            Sight::Always => sql.push(&format!("\"{name}\"")),
            Sight::Never => sql.push("NULL"),
            Sight::Where(rule) => {
                sql.push("CASE WHEN ");
                scope::push_rule(sql, self.scope, rule);
                sql.push(&format!(" THEN \"{name}\" END"));
            }
        }
    }

    fn call(&self, sql: &mut Sql, before: &str, column: usize, after: &str) {
        sql.push(before);
        self.field(sql, column);
        sql.push(after);
    }

    /// How many values there are, and their sum. SQLite would give up where a sum leaves 64 bits, so the halves of whole numbers
    /// are summed apart; likewise floats that are near the end of their range, on both engines.
    fn push_total(&self, sql: &mut Sql, dialect: Dialect, column: usize) {
        self.call(sql, ", COUNT(", column, ")");
        match self.scope.resource.columns.get(column).map(|column| &column.kind) {
            Some(Kind::Float) => {
                self.call(sql, ", SUM(CASE WHEN ABS(", column, ") > 1e290 THEN (");
                self.call(sql, "", column, &format!(") / {FAR:?} END)"));
                self.call(sql, ", SUM(CASE WHEN ABS(", column, ") <= 1e290 THEN ");
                self.call(sql, "", column, " END)");
            }
            Some(Kind::Decimal { .. }) if dialect == Dialect::Postgres => self.call(sql, ", SUM(", column, ")"),
            _ => {
                self.call(sql, ", SUM((", column, ") >> 32)");
                self.call(sql, ", SUM((", column, ") & 4294967295)");
            }
        }
    }

    /// A row of what [`aggregate`] selects.
    fn measured(&self, dialect: Dialect, row: Row) -> Result<Measured> {
        let mut values = row.into_values().into_iter();
        let mut next = || values.next().ok_or_else(|| Error::internal("the row has too few columns"));
        let number = count(&next()?);
        let columns = &self.scope.resource.columns;
        let mut levelled = |places: &[usize]| -> Result<Vec<Value>> {
            places.iter().filter_map(|place| columns.get(*place)).map(|column| level(next()?, column)).collect()
        };
        let (group, min) = (levelled(&self.measures.group)?, levelled(&self.measures.min)?);
        let max = levelled(&self.measures.max)?;
        let mut totals = Vec::with_capacity(self.measures.totals.len());
        for column in self.measures.totals.iter().filter_map(|place| columns.get(*place)) {
            let number = count(&next()?);
            let sum = match column.kind {
                Kind::Float => Sum::Float(float(&next()?).mul_add(FAR, float(&next()?))),
                Kind::Decimal { scale, .. } if dialect == Dialect::Postgres => Sum::Exact(digits(&next()?, scale)),
                _ => Sum::Exact(digits(&next()?, 0) * HALF + digits(&next()?, 0)),
            };
            totals.push(Total { count: number, sum });
        }
        Ok(Measured { group, count: number, totals, min, max })
    }
}

/// All digits of a whole number or of a decimal; 0 for the sum of nothing.
fn digits(value: &Value, scale: u32) -> i128 {
    match value {
        Value::Int(number) => i128::from(*number),
        Value::Decimal(number) => {
            let mut number = *number;
            number.rescale(scale);
            number.mantissa()
        }
        _ => 0,
    }
}

fn count(value: &Value) -> i64 {
    if let Value::Int(count) = value { *count } else { 0 }
}

fn float(value: &Value) -> f64 {
    if let Value::Float(number) = value { *number } else { 0.0 }
}
