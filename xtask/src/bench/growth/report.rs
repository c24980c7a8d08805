//! What was measured, as a table for people or as JSON, and whether it keeps the promise.
use std::fmt;

use serde_json::{Value as Json, json};

use super::probe::Kind;
use crate::{bench::measure::Summary, live::engine::Engine};

/// The largest table may cost so much more than the smallest.
const PROMISED_RATIO: f64 = 1.5;

/// One engine.
pub struct Report {
    pub engine: Engine,
    pub rounds: usize,
    /// By kind, and from the smallest table to the largest.
    pub lines: Vec<Line>,
}

/// One kind of request to one table.
pub struct Line {
    pub kind: Kind,
    pub rows: u64,
    pub latency: Summary,
    /// Microseconds of a core for each request.
    pub cpu: f64,
}

impl Line {
    pub fn p50(&self) -> f64 {
        self.latency.p50.as_secs_f64() * 1000.0
    }

    fn p99(&self) -> f64 {
        self.latency.p99.as_secs_f64() * 1000.0
    }
}

/// A name, and what it is of a line.
type Cost = (&'static str, fn(&Line) -> f64);

/// What is promised to stay.
const COSTS: [Cost; 2] = [("CPU", |line| line.cpu), ("the p50", Line::p50)];

impl Report {
    pub fn is_well(&self) -> bool {
        self.faults().is_empty()
    }

    pub fn of(&self, kind: Kind) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(move |line| line.kind == kind)
    }

    /// Of a line to that of the smallest table.
    fn ratio(&self, line: &Line, cost: fn(&Line) -> f64) -> f64 {
        self.of(line.kind).next().map_or(f64::NAN, |smallest| cost(line) / cost(smallest))
    }

    /// Promises that were not kept.
    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for largest in [Kind::Get, Kind::List].into_iter().filter_map(|kind| self.of(kind).last()) {
            for (name, cost) in COSTS {
                let ratio = self.ratio(largest, cost);
                if ratio > PROMISED_RATIO {
                    let (kind, rows) = (largest.kind.name(), largest.rows);
                    faults.push(format!(
                        "{name} of a {kind} among {rows} rows is {ratio:.2} times that among the fewest"
                    ));
                }
            }
        }
        faults
    }

    pub fn json(&self) -> Json {
        let lines = self.lines.iter().map(|line| {
            json!({
                "request": line.kind.name(),
                "rows": line.rows,
                "p50_ms": rounded(line.p50()),
                "p99_ms": rounded(line.p99()),
                "cpu_us": rounded(line.cpu),
                "p50_ratio": rounded(self.ratio(line, Line::p50)),
                "cpu_ratio": rounded(self.ratio(line, |line| line.cpu)),
            })
        });
        json!({
            "engine": self.engine.name(),
            "rounds": self.rounds,
            "lines": lines.collect::<Json>(),
            "faults": self.faults(),
        })
    }
}

fn rounded(figure: f64) -> f64 {
    (figure * 1000.0).round() / 1000.0
}

/// In Markdown.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "### {}\n\n{} rounds; ratios to the smallest table.\n", self.engine.name(), self.rounds)?;
        writeln!(f, "| request | rows | CPU µs | ratio | p50 ms | ratio | p99 ms |\n|---|--:|--:|--:|--:|--:|--:|")?;
        for line in &self.lines {
            let (kind, rows, cpu, p50, p99) = (line.kind.name(), line.rows, line.cpu, line.p50(), line.p99());
            let (cpu_ratio, p50_ratio) = (self.ratio(line, |line| line.cpu), self.ratio(line, Line::p50));
            writeln!(f, "| {kind} | {rows} | {cpu:.0} | {cpu_ratio:.2} | {p50:.2} | {p50_ratio:.2} | {p99:.2} |")?;
        }
        for fault in self.faults() {
            writeln!(f, "\nNOT WELL: {fault}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn line(kind: Kind, rows: u64, cpu: f64, micros: u64) -> Line {
        let time = Duration::from_micros(micros);
        Line { kind, rows, latency: Summary { p50: time, p99: time }, cpu }
    }

    fn report(cpu: f64, micros: u64) -> Report {
        let mut lines = Vec::new();
        for kind in [Kind::Get, Kind::List] {
            // What lies between may be dearer.
            lines.extend([line(kind, 10, 40.0, 200), line(kind, 100, 90.0, 900), line(kind, 1000, 40.0, 200)]);
        }
        lines[5] = line(Kind::List, 1000, cpu, micros);
        Report { engine: Engine::Sqlite, rounds: 1, lines }
    }

    #[test]
    fn the_promise_is_kept_or_told() {
        assert!(report(60.0, 300).is_well());
        assert_eq!(report(61.0, 300).faults(), ["CPU of a list among 1000 rows is 1.52 times that among the fewest"]);
        assert_eq!(
            report(60.0, 310).faults(),
            ["the p50 of a list among 1000 rows is 1.55 times that among the fewest"]
        );
    }
}
