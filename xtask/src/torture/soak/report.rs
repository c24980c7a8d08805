//! What came of it, as a table for people or as JSON, and whether it keeps the promises.
#![allow(clippy::cast_precision_loss, reason = "figures for people")]

use std::{collections::BTreeMap, fmt, time::Duration};

use serde_json::{Value as Json, json};

use super::sample::Sample;
use crate::live::engine::Engine;

/// Of what is resident after the warm-up, it may grow by this share, and by so many MiB: allocators keep what they once needed.
const PROMISED_GROWTH: f64 = 1.15;
const PROMISED_MIB: f64 = 4.0;

/// What the harness may be late at most.
const DISTURBED: Duration = Duration::from_secs(2);

/// A name, and what it is in a sample; those of answers are of the interval before.
type Figure = (&'static str, fn(&Sample) -> f64);

const RESIDENT: Figure = ("resident, MiB", |sample| sample.resident);
/// Of these there must not be more at the end than there ever were right after the warm-up.
const COUNTED: [Figure; 2] = [("open descriptors", |sample| sample.descriptors), ("threads", |sample| sample.threads)];
const FIGURES: [Figure; 10] = [
    RESIDENT,
    ("resident at most, MiB", |sample| sample.peak),
    ("PSS, MiB", |sample| sample.proportional),
    ("PSS of PostgreSQL, MiB", |sample| sample.postgres),
    COUNTED[0],
    COUNTED[1],
    ("database, MiB", |sample| sample.database),
    ("write-ahead log, MiB", |sample| sample.wal),
    ("p50, ms", |sample| sample.p50),
    ("p99, ms", |sample| sample.p99),
];

/// One engine.
pub struct Report {
    pub engine: Engine,
    pub rate: u64,
    pub length: Duration,
    pub samples: Vec<Sample>,
    /// How long this machine kept the harness itself from its work.
    pub held_up: Duration,
    /// Lines of the program's log that tell of a fault in it.
    pub complaints: Vec<String>,
}

impl Report {
    pub fn is_well(&self) -> bool {
        self.faults().is_empty()
    }

    /// Promises that were not kept.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = self.complaints.clone();
        if self.held_up > DISTURBED {
            let seconds = self.held_up.as_secs();
            faults.push(format!(
                "the harness stood still for {seconds} s: this machine does other things, and the run says nothing"
            ));
        }
        faults.extend(self.failures().iter().map(|(what, count)| format!("{count} times {what}")));
        let most = self.warm(RESIDENT) * PROMISED_GROWTH + PROMISED_MIB;
        if self.end(RESIDENT) > most {
            let (end, warm) = (self.end(RESIDENT), self.warm(RESIDENT));
            faults.push(format!("{end:.1} MiB resident at the end, {warm:.1} after the warm-up: more than {most:.1}"));
        }
        for figure in COUNTED {
            let most = self.tenth(1).iter().map(figure.1).fold(0.0, f64::max);
            if self.end(figure) > most {
                faults.push(format!("{} {} at the end, at most {most} after the warm-up", self.end(figure), figure.0));
            }
        }
        faults
    }

    fn failures(&self) -> BTreeMap<&str, u64> {
        let mut failures = BTreeMap::new();
        for (what, count) in self.samples.iter().flat_map(|sample| &sample.failures) {
            *failures.entry(what.as_str()).or_default() += count;
        }
        failures
    }

    fn answered(&self) -> f64 {
        self.samples.iter().map(|sample| sample.answered).sum()
    }

    fn begin(&self, figure: Figure) -> f64 {
        self.samples.first().map_or(0.0, figure.1)
    }

    /// The first tenth is the warm-up; what counts is the median of the second.
    fn warm(&self, figure: Figure) -> f64 {
        median(self.tenth(1), figure)
    }

    fn end(&self, figure: Figure) -> f64 {
        median(self.tenth(9), figure)
    }

    fn tenth(&self, number: usize) -> &[Sample] {
        let border = |number: usize| self.samples.len() * number / 10;
        &self.samples[border(number)..border(number + 1)]
    }

    /// An hour, of the straight line that fits best after the warm-up.
    fn slope(&self, figure: Figure) -> f64 {
        let after: Vec<(f64, f64)> = self.samples[self.samples.len() / 10..]
            .iter()
            .map(|sample| (sample.at.as_secs_f64() / 3600.0, figure.1(sample)))
            .collect();
        let mean = |of: fn(&(f64, f64)) -> f64| after.iter().map(of).sum::<f64>() / after.len() as f64;
        let (x, y) = (mean(|point| point.0), mean(|point| point.1));
        let rise: f64 = after.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
        rise / after.iter().map(|point| (point.0 - x).powi(2)).sum::<f64>()
    }

    /// Microseconds of a core for each request: after the warm-up, and in the last tenth.
    fn cpu(&self, number: usize) -> f64 {
        let tenth = self.tenth(number);
        let before = &self.samples[self.samples.len() * number / 10 - 1];
        let answered: f64 = tenth.iter().map(|sample| sample.answered).sum();
        tenth.last().map_or(0.0, |last| (last.cpu - before.cpu) / answered.max(1.0) * 1e6)
    }

    pub fn json(&self) -> Json {
        let figures = FIGURES.map(|figure| {
            json!({
                "name": figure.0, "begin": rounded(self.begin(figure)), "after_warm_up": rounded(self.warm(figure)),
                "end": rounded(self.end(figure)), "slope_an_hour": rounded(self.slope(figure)),
            })
        });
        let samples: Vec<Json> = self.samples.iter().map(sample).collect();
        json!({
            "engine": self.engine.name(),
            "minutes": self.length.as_secs() / 60,
            "rate": self.rate,
            "answered": self.answered(),
            "failures": self.failures(),
            "figures": figures,
            "cpu_us": {"after_warm_up": rounded(self.cpu(1)), "end": rounded(self.cpu(9))},
            "faults": self.faults(),
            "samples": samples,
        })
    }
}

fn sample(sample: &Sample) -> Json {
    json!({
        "seconds": rounded(sample.at.as_secs_f64()),
        "resident_mib": rounded(sample.resident),
        "peak_mib": rounded(sample.peak),
        "pss_mib": rounded(sample.proportional),
        "postgres_pss_mib": rounded(sample.postgres),
        "descriptors": sample.descriptors,
        "threads": sample.threads,
        "database_mib": rounded(sample.database),
        "wal_mib": rounded(sample.wal),
        "cpu_seconds": rounded(sample.cpu),
        "answered": sample.answered,
        "errors": sample.failures.values().sum::<u64>(),
        "p50_ms": rounded(sample.p50),
        "p99_ms": rounded(sample.p99),
    })
}

fn median(samples: &[Sample], figure: Figure) -> f64 {
    let mut figures: Vec<f64> = samples.iter().map(figure.1).collect();
    figures.sort_unstable_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}

fn rounded(figure: f64) -> f64 {
    (figure * 1000.0).round() / 1000.0
}

/// In Markdown.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (minutes, failures) = (self.length.as_secs() / 60, self.failures().values().sum::<u64>());
        writeln!(f, "### {}\n", self.engine.name())?;
        write!(f, "{minutes} min at {} requests a second: {} answered well, ", self.rate, self.answered())?;
        writeln!(
            f,
            "{failures} not. CPU for each: {:.0} µs after the warm-up, {:.0} µs at the end.\n",
            self.cpu(1),
            self.cpu(9)
        )?;
        writeln!(f, "| | begin | after warm-up | end | slope, an hour |\n|---|--:|--:|--:|--:|")?;
        for figure in FIGURES {
            // SQLite has no processes of its own.
            if self.end(figure) > 0.0 {
                let (begin, warm, end, slope) =
                    (self.begin(figure), self.warm(figure), self.end(figure), self.slope(figure));
                writeln!(f, "| {} | {begin:.1} | {warm:.1} | {end:.1} | {slope:+.1} |", figure.0)?;
            }
        }
        for fault in self.faults() {
            writeln!(f, "\nNOT WELL: {fault}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hundred samples in 1,000 seconds; `bend` changes what is the same in all.
    fn report(bend: fn(usize, &mut Sample)) -> Report {
        let samples = (1..=100).map(|number| {
            let mut sample = Sample {
                at: Duration::from_secs(number as u64 * 10),
                resident: 50.0,
                peak: 69.0,
                proportional: 48.0,
                postgres: 0.0,
                descriptors: 60.0,
                threads: 12.0,
                database: 100.0,
                wal: 4.0,
                cpu: 0.0,
                answered: 10_000.0,
                failures: BTreeMap::new(),
                p50: 0.5,
                p99: 2.0,
            };
            bend(number, &mut sample);
            sample
        });
        let (samples, length) = (samples.collect(), Duration::from_secs(1000));
        Report { engine: Engine::Sqlite, rate: 1000, length, samples, held_up: Duration::ZERO, complaints: Vec::new() }
    }

    #[test]
    fn what_stays_is_well() {
        assert!(report(|_, _| {}).is_well());
        // What fills in the warm-up does not count, nor a single sample.
        assert!(report(|number, sample| sample.resident += if number > 10 { 30.0 } else { 0.0 }).is_well());
        assert!(report(|number, sample| sample.threads += if number == 95 { 9.0 } else { 0.0 }).is_well());
    }

    #[test]
    fn what_grows_is_told() {
        // 51.55 MiB in the middle of the second tenth.
        let leak = report(|number, sample| sample.resident += 0.15 * number as f64);
        assert_eq!(leak.faults(), ["64.4 MiB resident at the end, 52.4 after the warm-up: more than 64.3"]);
        assert!((leak.slope(RESIDENT) - 54.0).abs() < 0.001);
        let leak = report(|number, sample| sample.descriptors += if number > 80 { 1.0 } else { 0.0 });
        assert_eq!(leak.faults(), ["61 open descriptors at the end, at most 60 after the warm-up"]);
    }

    #[test]
    fn a_harness_that_stood_still_is_told() {
        let disturbed = Report { held_up: Duration::from_secs(200), ..report(|_, _| {}) };
        assert_eq!(disturbed.faults().len(), 1);
    }

    #[test]
    fn what_is_not_answered_is_told() {
        let refused = report(|number, sample| {
            if number > 98 {
                sample.failures.insert("get: 503".to_owned(), 2);
            }
        });
        assert_eq!(refused.faults(), ["4 times get: 503"]);
    }
}
