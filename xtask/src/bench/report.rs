//! What was measured, as a table for people or as JSON, and whether it keeps the promises.
use std::{fmt, time::Duration};

use serde_json::{Value as Json, json};

use super::{cases::Case, measure::Summary};
use crate::live::engine::Engine;

/// Many rows may cost so much more than few, and a page far behind so much more than the first.
const PROMISED_RATIO: f64 = 1.5;
/// Indexes save at least this share of the time of the list in the middle.
const PROMISED_SAVING: f64 = 0.6;

/// One engine.
pub struct Report {
    pub engine: Engine,
    pub few: u64,
    pub many: u64,
    pub rounds: usize,
    pub lines: Vec<Line>,
}

/// One list.
pub struct Line {
    pub case: &'static Case,
    pub few: Summary,
    pub many: Summary,
    /// A page far behind among many rows, and what it takes.
    pub page: u64,
    pub far: Summary,
    /// The page before that one, on the way back.
    pub back: Summary,
    /// Many rows, where the declared indexes are gone.
    pub unindexed: Option<Summary>,
}

impl Line {
    fn ratio(&self) -> f64 {
        self.many.p50.as_secs_f64() / self.few.p50.as_secs_f64()
    }

    /// Of the dearer way.
    fn page_ratio(&self) -> f64 {
        self.far.p50.max(self.back.p50).as_secs_f64() / self.many.p50.as_secs_f64()
    }

    /// The share of the time that the indexes save.
    fn saving(&self) -> Option<f64> {
        self.unindexed.map(|unindexed| 1.0 - self.many.p50.as_secs_f64() / unindexed.p50.as_secs_f64())
    }
}

impl Report {
    pub fn is_well(&self) -> bool {
        self.faults().is_empty()
    }

    /// Promises that were not kept.
    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for line in &self.lines {
            let (name, page) = (line.case.name, line.page);
            if line.ratio() > PROMISED_RATIO {
                faults.push(format!("{name}: many rows cost {:.2} times what few cost", line.ratio()));
            }
            if line.page_ratio() > PROMISED_RATIO {
                faults.push(format!("{name}: page {page} costs {:.2} times what page 1 costs", line.page_ratio()));
            }
        }
        let saved = self.saved();
        if saved < PROMISED_SAVING {
            faults.push(format!("the indexes save {:.0} % of the time", saved * 100.0));
        }
        faults
    }

    /// Of the list in the middle.
    fn saved(&self) -> f64 {
        let mut savings: Vec<f64> = self.lines.iter().filter_map(Line::saving).collect();
        savings.sort_unstable_by(f64::total_cmp);
        savings.get(savings.len() / 2).copied().unwrap_or_default()
    }

    pub fn json(&self) -> Json {
        let summary = |summary: Summary| json!({"p50_us": micros(summary.p50), "p99_us": micros(summary.p99)});
        let lists = self.lines.iter().map(|line| {
            json!({
                "name": line.case.name,
                "index": line.case.index,
                "few": summary(line.few),
                "many": summary(line.many),
                "ratio": line.ratio(),
                "page": line.page,
                "far": summary(line.far),
                "back": summary(line.back),
                "page_ratio": line.page_ratio(),
                "unindexed": line.unindexed.map(summary),
                "saving": line.saving(),
            })
        });
        json!({
            "engine": self.engine.name(),
            "few": self.few,
            "many": self.many,
            "rounds": self.rounds,
            "lists": lists.collect::<Json>(),
            "saving": self.saved(),
            "faults": self.faults(),
        })
    }
}

/// In Markdown.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { few, many, rounds, .. } = self;
        writeln!(f, "### {}\n\n{rounds} rounds; p50 / p99 in ms.\n", self.engine.name())?;
        writeln!(
            f,
            "| 20 of | index | {few} rows | {many} rows | ratio | page | onward | back | ratio | no index | saved |"
        )?;
        writeln!(f, "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|")?;
        for line in &self.lines {
            let Line { case, few, many, page, far, back, unindexed } = line;
            let (name, index, ratio, page_ratio) = (case.name, case.index, line.ratio(), line.page_ratio());
            let unindexed = unindexed.map_or_else(String::new, |unindexed| ms(unindexed.p50));
            let saved = line.saving().map_or_else(String::new, |saving| format!("{:.1} %", saving * 100.0));
            write!(f, "| {name} | `{index}` | {few} | {many} | {ratio:.2} ")?;
            writeln!(f, "| {page} | {far} | {back} | {page_ratio:.2} | {unindexed} | {saved} |")?;
        }
        for fault in self.faults() {
            writeln!(f, "\nNOT WELL: {fault}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} / {}", ms(self.p50), ms(self.p99))
    }
}

fn ms(time: Duration) -> String {
    format!("{:.2}", time.as_secs_f64() * 1000.0)
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::cases::CASES;
    use super::*;

    fn report(few: u64, many: u64, far: u64, unindexed: u64) -> Report {
        let summary = |micros| Summary { p50: Duration::from_micros(micros), p99: Duration::from_micros(micros) };
        let [few, many, far, unindexed] = [few, many, far, unindexed].map(summary);
        let line = Line { case: &CASES[0], few, many, page: 10_000, far, back: few, unindexed: Some(unindexed) };
        Report { engine: Engine::Sqlite, few: 1, many: 2, rounds: 3, lines: vec![line] }
    }

    #[test]
    fn promises_are_kept_or_told() {
        assert!(report(100, 150, 225, 375).is_well());
        assert_eq!(report(100, 151, 151, 1000).faults(), ["all: many rows cost 1.51 times what few cost"]);
        assert_eq!(report(100, 100, 151, 1000).faults(), ["all: page 10000 costs 1.51 times what page 1 costs"]);
        assert_eq!(report(100, 100, 100, 249).faults(), ["the indexes save 60 % of the time"]);
    }
}
