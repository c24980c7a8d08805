//! Plans by `EXPLAIN QUERY PLAN`, which never shows a value: parameters are not bound.
use kernel::Result;

use super::{classify, tx::Tx};
use crate::statement::{Plan, Reach, Step};

impl Tx<'_> {
    /// How `sql` would be run.
    pub fn explain(&mut self, sql: &str) -> Result<Plan> {
        let session = self.session();
        let refused = |error| classify::error(session, error);
        let mut statement = session.connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).map_err(refused)?;
        let mut rows = statement.raw_query();
        // Each row names the step it is part of; steps come after those they are part of.
        let mut depths: Vec<(i64, usize)> = Vec::new();
        let mut plan = Plan::default();
        while let Some(row) = rows.next().map_err(refused)? {
            let (id, parent, text): (i64, i64, String) =
                (row.get(0).map_err(refused)?, row.get(1).map_err(refused)?, row.get(3).map_err(refused)?);
            let depth = depths.iter().find(|(other, _)| *other == parent).map_or(0, |(_, depth)| depth + 1);
            depths.push((id, depth));
            let reach = reach(&text, |table| self.is_one_index(table));
            plan.steps.push(Step { depth, text, reach });
        }
        Ok(plan)
    }

    /// Whether the table is stored in the order of its primary key.
    fn is_one_index(&self, table: &str) -> bool {
        let sql = "SELECT wr FROM pragma_table_list WHERE name = ?1";
        self.session().connection.query_row(sql, [table], |row| row.get(0)).unwrap_or(false)
    }
}

/// What SQLite's words mean; its documentation calls them subject to change, and a test holds them.
fn reach(text: &str, is_one_index: impl Fn(&str) -> bool) -> Reach {
    let mut words = text.split(' ');
    match (words.next(), words.next()) {
        (Some("SEARCH"), Some(_)) => Reach::Search,
        (Some("SCAN"), Some(table)) if text.contains(" VIRTUAL TABLE INDEX ") => {
            // What full-text search was asked to match is part of how the index is used.
            let is_matched = text.rsplit(':').next().is_some_and(|how| how.contains('M'));
            if is_matched || table.starts_with("pragma_") { Reach::Search } else { Reach::Other }
        }
        (Some("SCAN"), Some(table)) if text.contains(" USING ") || is_one_index(table) => Reach::Walk(table.to_owned()),
        (Some("SCAN"), Some("CONSTANT")) => Reach::Other,
        (Some("SCAN"), Some(table)) if table.starts_with('(') || table.starts_with("SUBQUERY") => Reach::Other,
        (Some("SCAN"), Some(table)) => Reach::Scan(table.to_owned()),
        (Some("USE"), Some("TEMP")) => Reach::Sort,
        _ => Reach::Other,
    }
}
