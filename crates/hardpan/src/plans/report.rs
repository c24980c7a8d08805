//! How index coverage is told: to people and to programs.
use std::fmt::Write as _;

use serde_json::{Value as Json, json as object};

use super::{Coverage, Unserved};

/// For people.
pub fn text(coverages: &[Coverage]) -> String {
    let mut text = String::from("Index coverage\n");
    for coverage in coverages {
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "  {:<11} {} of {} statements ({} %), {} of {} lists",
            coverage.engine,
            coverage.served(),
            coverage.statements,
            percent(coverage),
            coverage.lists - coverage.unserved_lists(),
            coverage.lists,
        );
        if !coverage.foreign.is_empty() {
            let _ = writeln!(text, "  {:<11} without a plan here: {}", "", coverage.foreign.join("; "));
        }
    }
    if coverages.len() == 1 {
        text.push_str("  postgresql  not looked at: database.url names no PostgreSQL database\n");
    }
    for coverage in coverages {
        // The page after the first, or the same in the other direction, tells nothing new.
        let mut last = "";
        for unserved in &coverage.unserved {
            if std::mem::replace(&mut last, &unserved.name) == unserved.name {
                continue;
            }
            let _ = write!(text, "\nnot served on {}: {}\n  {}\n", coverage.engine, unserved.name, unserved.plan);
            if let Some(advice) = advice(unserved) {
                let _ = writeln!(text, "  {advice}");
            }
        }
    }
    text
}

/// For programs.
pub fn json(coverages: &[Coverage]) -> Json {
    coverages.iter().map(engine).collect()
}

fn engine(coverage: &Coverage) -> Json {
    let unserved = |unserved: &Unserved| {
        object!({
            "name": unserved.name,
            "is_list": unserved.list.is_some(),
            "sql": unserved.sql,
            "plan": unserved.plan,
            "resource": unserved.list.as_ref().map(|(resource, _)| resource),
            "index": unserved.list.as_ref().and_then(|(_, columns)| columns.as_ref()),
        })
    };
    object!({
        "engine": coverage.engine,
        "ok": coverage.is_enough(),
        "statements": coverage.statements,
        "served": coverage.served(),
        "percent": percent(coverage),
        "lists": coverage.lists,
        "lists_served": coverage.lists - coverage.unserved_lists(),
        "foreign": coverage.foreign,
        "unserved": coverage.unserved.iter().map(unserved).collect::<Vec<_>>(),
    })
}

/// Rounded down.
fn percent(coverage: &Coverage) -> usize {
    (coverage.served() * 100).checked_div(coverage.statements).unwrap_or(100)
}

fn advice(unserved: &Unserved) -> Option<String> {
    let (resource, columns) = unserved.list.as_ref().filter(|_| unserved.is_planned)?;
    Some(match columns {
        Some(columns) => format!("add {} to indexes of [resources.{resource}]", object!(columns)),
        None => "no index serves a rule with alternatives; give each kind of caller a rule of their own, as by roles"
            .to_owned(),
    })
}
