//! Plans by `EXPLAIN` of a generic plan, so that no value is part of it; of what it tells only steps, tables and indexes are kept.
use kernel::{Error, Result};
use serde_json::Value as Json;
use tokio::time::timeout;
use tokio_postgres::SimpleQueryMessage;

use super::{
    classify,
    lease::{Lease, State},
    tx::Tx,
};
use crate::statement::{Plan, Reach, Step};

impl Tx<'_> {
    /// How `sql` would be run, in a transaction of its own that only reads.
    pub async fn explain(&mut self, sql: &str, is_forced: bool) -> Result<Plan> {
        let lease = self.lease();
        let patience = lease.patience;
        lease.state = State::Open;
        let answer = timeout(patience, explain(lease, sql, is_forced)).await;
        let answer = answer.unwrap_or_else(|_| Err(Error::unavailable("PostgreSQL did not answer in time")));
        if answer.is_err() {
            // A statement may be left prepared under the name.
            lease.break_off();
        }
        lease.roll_back().await;
        answer
    }
}

async fn explain(lease: &mut Lease, sql: &str, is_forced: bool) -> Result<Plan> {
    let forced = if is_forced { "SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off;" } else { "" };
    let prepare = format!(
        "BEGIN READ ONLY; SET LOCAL plan_cache_mode = force_generic_plan; {forced} PREPARE hardpan_plan AS {sql}; \
         SELECT coalesce(array_length(parameter_types, 1), 0) FROM pg_prepared_statements WHERE name = 'hardpan_plan'"
    );
    let parameters: usize = first(lease, &prepare).await?.parse().map_err(Error::internal)?;
    let nulls = if parameters == 0 { String::new() } else { format!("({})", vec!["NULL"; parameters].join(", ")) };
    let json = first(lease, &format!("EXPLAIN (FORMAT JSON, COSTS OFF) EXECUTE hardpan_plan{nulls}")).await?;
    lease.client()?.batch_execute("DEALLOCATE hardpan_plan").await.map_err(classify::error)?;
    let json: Json = serde_json::from_str(&json).map_err(Error::internal)?;
    let mut plan = Plan::default();
    read(&json[0]["Plan"], 0, &mut plan);
    Ok(plan)
}

/// The first value of the first row of the answer.
async fn first(lease: &mut Lease, sql: &str) -> Result<String> {
    let answer = lease.client()?.simple_query(sql).await.map_err(classify::error)?;
    let row = answer.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    row.map(str::to_owned).ok_or_else(|| Error::internal("PostgreSQL explained nothing"))
}

fn read(node: &Json, depth: usize, plan: &mut Plan) {
    let text = |key: &str| node[key].as_str();
    let Some(kind) = text("Node Type") else { return };
    let table = text("Relation Name").unwrap_or_default();
    let verb = text("Operation").filter(|_| kind == "ModifyTable").unwrap_or(kind);
    let index = text("Index Name").map(|index| format!(" using {index}")).unwrap_or_default();
    let on = if table.is_empty() { "" } else { " on " };
    let is_bounded = !node["Index Cond"].is_null();
    let reach = match kind {
        "Index Scan" | "Index Only Scan" if !is_bounded => Reach::Walk(table.to_owned()),
        "Index Scan" | "Index Only Scan" | "Bitmap Heap Scan" => Reach::Search,
        "Seq Scan" => Reach::Scan(table.to_owned()),
        "Sort" | "Incremental Sort" => Reach::Sort,
        _ => Reach::Other,
    };
    plan.steps.push(Step { depth, text: format!("{verb}{index}{on}{table}"), reach });
    for inner in node["Plans"].as_array().into_iter().flatten() {
        read(inner, depth + 1, plan);
    }
}
