//! What was measured, as a table for people or as JSON with ratios.
use std::fmt;

use serde_json::{Value as Json, json};

use super::{
    workload::Workload,
    wrk::{Gets, Run},
};

/// One workload against one contender.
pub struct Line {
    pub workload: Workload,
    pub name: &'static str,
    pub runs: Vec<Run>,
    /// Of mixed load.
    pub gets: Vec<Gets>,
}

pub struct Report {
    pub rows: usize,
    pub rounds: usize,
    pub seconds: usize,
    pub lines: Vec<Line>,
    /// Calls of fsync and fdatasync for each row created by 64 connections; empty where nothing counts them.
    pub fsyncs: Vec<(&'static str, f64)>,
    /// In MiB, after everything.
    pub memory: Vec<(&'static str, f64)>,
}

impl Line {
    pub const fn new(workload: Workload, name: &'static str) -> Self {
        Self { workload, name, runs: Vec::new(), gets: Vec::new() }
    }

    /// Requests a second: the median of the rounds.
    pub fn rate(&self) -> f64 {
        self.median(|run| run.requests / run.seconds)
    }

    pub fn p50(&self) -> f64 {
        self.median(|run| run.p50)
    }

    pub fn p99(&self) -> f64 {
        self.median(|run| run.p99)
    }

    /// Microseconds of a core a request takes.
    pub fn cpu(&self) -> f64 {
        self.median(|run| run.cpu / run.requests * 1e6)
    }

    /// How long gets took among mixed load.
    fn gets(&self) -> Option<Gets> {
        let of = |figure: fn(&Gets) -> f64| median(self.gets.iter().map(figure).collect());
        (!self.gets.is_empty()).then(|| Gets { p50: of(|gets| gets.p50), p99: of(|gets| gets.p99) })
    }

    fn median(&self, figure: fn(&Run) -> f64) -> f64 {
        median(self.runs.iter().map(figure).collect())
    }
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_unstable_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

impl Report {
    pub fn workloads(&self) -> Vec<Workload> {
        let mut workloads: Vec<Workload> = self.lines.iter().map(|line| line.workload).collect();
        workloads.dedup();
        workloads
    }

    pub fn of(&self, workload: Workload) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(move |line| line.workload == workload)
    }

    /// What Hardpan does for each that a peer does: of throughput more is better, of time and CPU less.
    pub fn json(&self) -> Json {
        let mut ratios = Vec::new();
        for workload in self.workloads() {
            let (own, peers): (Vec<_>, Vec<_>) = self.of(workload).partition(|line| line.name.starts_with("Hardpan"));
            for (own, peer) in own.iter().flat_map(|own| peers.iter().map(move |peer| (own, peer))) {
                ratios.push(json!({
                    "workload": workload.to_string(), "hardpan": own.name, "peer": peer.name,
                    "throughput_ratio": rounded(own.rate() / peer.rate()),
                    "p99_ratio": rounded(own.p99() / peer.p99()),
                    "cpu_ratio": rounded(own.cpu() / peer.cpu()),
                }));
            }
        }
        let figures = self.lines.iter().map(|line| {
            json!({
                "workload": line.workload.to_string(), "name": line.name, "requests_per_second": rounded(line.rate()),
                "p50_ms": rounded(line.p50()), "p99_ms": rounded(line.p99()), "cpu_us": rounded(line.cpu()),
            })
        });
        let figures: Vec<Json> = figures.collect();
        let gets = self.lines.iter().filter_map(|line| line.gets().map(|gets| (line, gets))).map(|(line, gets)| {
            json!({
                "workload": line.workload.to_string(), "name": line.name,
                "p50_ms": rounded(gets.p50), "p99_ms": rounded(gets.p99),
            })
        });
        let gets: Vec<Json> = gets.collect();
        let memory: Vec<Json> =
            self.memory.iter().map(|(name, mib)| json!({"name": name, "mib": rounded(*mib)})).collect();
        let fsyncs: Vec<Json> =
            self.fsyncs.iter().map(|(name, each)| json!({"name": name, "for_each_create": rounded(*each)})).collect();
        json!({
            "rows": self.rows, "rounds": self.rounds, "seconds": self.seconds,
            "ratios": ratios, "figures": figures, "gets": gets, "memory": memory, "fsyncs": fsyncs,
        })
    }
}

fn rounded(figure: f64) -> f64 {
    (figure * 1000.0).round() / 1000.0
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rows, rounds, seconds, .. } = self;
        writeln!(
            f,
            "{rows} rows; medians of {rounds} rounds of {seconds} s; behind each peer how many times its rate Hardpan has, per engine\n"
        )?;
        writeln!(
            f,
            "| workload | | requests/s | p50 ms | p99 ms | CPU µs | Hardpan's rate |\n|---|---|--:|--:|--:|--:|--:|"
        )?;
        for workload in self.workloads() {
            let own: Vec<f64> =
                self.of(workload).filter(|line| line.name.starts_with("Hardpan")).map(Line::rate).collect();
            for line in self.of(workload) {
                let ratios: Vec<String> = own.iter().map(|own| format!("{:.2}", own / line.rate())).collect();
                let ratios = if line.name.starts_with("Hardpan") { String::new() } else { ratios.join(", ") };
                let (rate, p50, p99, cpu) = (line.rate(), line.p50(), line.p99(), line.cpu());
                writeln!(f, "| {workload} | {} | {rate:.0} | {p50:.2} | {p99:.2} | {cpu:.0} | {ratios} |", line.name)?;
            }
        }
        writeln!(f, "\n| gets among | | p50 ms | p99 ms |\n|---|---|--:|--:|")?;
        for line in &self.lines {
            if let Some(Gets { p50, p99 }) = line.gets() {
                writeln!(f, "| {} | {} | {p50:.2} | {p99:.2} |", line.workload, line.name)?;
            }
        }
        writeln!(f, "\n| | memory at the end, MiB | fsyncs for each create, 64 connections |\n|---|--:|--:|")?;
        for (name, mib) in &self.memory {
            let fsyncs = self.fsyncs.iter().find(|(of, _)| of == name);
            let fsyncs = fsyncs.map_or_else(String::new, |(_, each)| format!("{each:.3}"));
            writeln!(f, "| {name} | {mib:.0} | {fsyncs} |")?;
        }
        Ok(())
    }
}
