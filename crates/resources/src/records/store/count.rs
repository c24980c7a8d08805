//! How many records there are: counted, or estimated at a cost that does not grow with the table.
use ::store::{Dialect, Row, Tx};
use kernel::{Error, Result, rule::Bound};
use serde_json::Value as Json;

use super::{super::Scope, scope, sql::Sql};

/// What PostgreSQL may expect a count to cost, in pages read one after another, to be made.
const MOST_COST: f64 = 10_000.0;
/// How many rows SQLite looks at: all of them in a table so small, the first that an index leads to, or that many at random.
const SAMPLE: i64 = 10_000;

/// Counts them all.
pub(in crate::records) async fn count(tx: &mut Tx<'_>, scope: &Scope) -> Result<i64> {
    let mut sql = Sql::new();
    sql.push("SELECT COUNT(*)");
    scope::push(tx, &mut sql, scope);
    tx.query_one(&sql.text, &sql.params).await?.get(0)
}

/// Counts them where that costs little, as it does where an index finds them by their words, and else estimates.
pub(in crate::records) async fn estimate(tx: &mut Tx<'_>, scope: &Scope) -> Result<i64> {
    if scope.search.is_some() {
        return count(tx, scope).await;
    }
    let estimate = match tx.dialect() {
        Dialect::Postgres => planned(tx, scope).await?,
        Dialect::Sqlite => sampled(tx, scope).await?,
    };
    match estimate {
        Some(estimate) => Ok(estimate),
        None => count(tx, scope).await,
    }
}

/// What PostgreSQL's planner expects, from the statistics it keeps; none where a count would cost little.
async fn planned(tx: &mut Tx<'_>, scope: &Scope) -> Result<Option<i64>> {
    let mut sql = Sql::new();
    sql.push("EXPLAIN (FORMAT JSON) SELECT 1");
    sql.push(&format!(" FROM \"{}\" WHERE ", scope.resource.name));
    // Without the owners that are hidden: few, of whom the planner would expect every second row.
    scope::push_rule(&mut sql, scope, &scope.rule);
    if let Some(filter) = &scope.filter {
        sql.push(" AND ");
        scope::push_rule(&mut sql, scope, filter);
    }
    if scope.resource.is_soft_deleted {
        sql.push(if scope.is_deleted { " AND deleted_at IS NOT NULL" } else { " AND deleted_at IS NULL" });
    }
    let plan: String = tx.query_one(&sql.text, &sql.params).await?.get(0)?;
    let plan: Json = serde_json::from_str(&plan).map_err(Error::internal)?;
    let number = |name: &str| plan.pointer(&format!("/0/Plan/{name}")).and_then(Json::as_f64);
    let (Some(rows), Some(cost)) = (number("Plan Rows"), number("Total Cost")) else {
        return Err(Error::internal("a plan without rows and cost"));
    };
    // A planner's guess is far from the end of 64 bits.
    #[allow(clippy::cast_possible_truncation)]
    Ok((cost > MOST_COST).then_some(rows as i64))
}

/// The share of rows taken at random, times the rows there can be; none where a count costs little.
async fn sampled(tx: &mut Tx<'_>, scope: &Scope) -> Result<Option<i64>> {
    let table = &scope.resource.name;
    let sql = format!("SELECT (SELECT MIN(rowid) FROM \"{table}\"), (SELECT MAX(rowid) FROM \"{table}\")");
    let row = tx.query_one(&sql, &[]).await?;
    let (Some(first), Some(last)) = (row.get::<Option<i64>>(0)?, row.get::<Option<i64>>(1)?) else { return Ok(None) };
    let span = last.saturating_sub(first).saturating_add(1);
    if span <= SAMPLE {
        return Ok(None);
    }
    if let Some(count) = counted_by_index(tx, scope).await? {
        return Ok(Some(count));
    }
    let hits = hits(tx, scope, first, span).await?;
    let estimate = i128::from(hits) * i128::from(span) / i128::from(SAMPLE);
    Ok(Some(i64::try_from(estimate).unwrap_or(i64::MAX)))
}

/// The count, if an index leads to what the caller may read and that is not much.
async fn counted_by_index(tx: &mut Tx<'_>, scope: &Scope) -> Result<Option<i64>> {
    let mut sql = Sql::new();
    sql.push("EXPLAIN QUERY PLAN SELECT 1");
    sql.push(&format!(" FROM \"{}\" WHERE ", scope.resource.name));
    scope::push_access(&mut sql, scope);
    let plan: Vec<Row> = tx.query(&sql.text, &sql.params).await?;
    let steps: Vec<String> = plan.iter().map(|row| row.get(3)).collect::<Result<_>>()?;
    if steps.iter().any(|step| step.starts_with("SCAN")) {
        return Ok(None);
    }
    let mut sql = Sql::new();
    sql.push("SELECT COUNT(*), COALESCE(SUM(hit), 0) FROM (SELECT ");
    scope::push_flag(&mut sql, scope, scope.filter.as_ref().unwrap_or(&Bound::Const(true)));
    sql.push(&format!(" AS hit FROM \"{}\" WHERE ", scope.resource.name));
    scope::push_access(&mut sql, scope);
    sql.push(" LIMIT ");
    sql.value(SAMPLE + 1);
    sql.push(")");
    let row = tx.query_one(&sql.text, &sql.params).await?;
    let (seen, hits): (i64, i64) = (row.get(0)?, row.get(1)?);
    Ok((seen <= SAMPLE).then_some(hits))
}

/// How many of so many places, spread over the table by a multiplicative hash, hold one of the records.
async fn hits(tx: &mut Tx<'_>, scope: &Scope, first: i64, span: i64) -> Result<i64> {
    let table = &scope.resource.name;
    let mut sql = Sql::new();
    // No resource and no field has such a name.
    sql.push("WITH RECURSIVE \"all__probes\"(\"nth__probe\") AS ");
    sql.push("(SELECT 1 UNION ALL SELECT \"nth__probe\" + 1 FROM \"all__probes\"");
    sql.push(" WHERE \"nth__probe\" < ");
    sql.value(SAMPLE);
    // A cross join keeps its order: every probe is looked up.
    sql.push(&format!(") SELECT COUNT(*) FROM \"all__probes\" CROSS JOIN \"{table}\" WHERE \"{table}\".rowid = "));
    sql.value(first);
    sql.push(" + (\"nth__probe\" * 2654435761) % ");
    sql.value(span);
    sql.push(" AND ");
    scope::push_conditions(tx, &mut sql, scope);
    tx.query_one(&sql.text, &sql.params).await?.get(0)
}
