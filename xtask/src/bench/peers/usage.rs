//! What processes and their children take, as Linux counts it below `/proc`.
use std::{collections::BTreeSet, fs};

/// Ticks a second; Linux shows 100 to every program, whatever it counts in.
const TICKS: f64 = 100.0;

#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// Seconds of a core.
    pub cpu: f64,
    /// Resident memory in MiB; of memory that processes share, each has its part.
    pub memory: f64,
}

impl Usage {
    /// Of `roots` and all their children, also those that have ended and were waited for.
    pub fn of(roots: &[u32]) -> Result<Self, String> {
        let mut usage = Self::default();
        for pid in family(roots)? {
            // It may have ended meanwhile.
            let Some(stat) = stat(pid) else { continue };
            let ticks: f64 = stat.iter().skip(11).take(4).filter_map(|field| field.parse::<f64>().ok()).sum();
            usage.cpu += ticks / TICKS;
            let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
            let kib =
                rollup.lines().find_map(|line| line.strip_prefix("Pss:")?.trim().strip_suffix(" kB")?.parse().ok());
            usage.memory += kib.unwrap_or(0.0) / 1024.0;
        }
        Ok(usage)
    }
}

/// `roots` and all their children.
pub fn family(roots: &[u32]) -> Result<BTreeSet<u32>, String> {
    let entries = fs::read_dir("/proc").map_err(|error| format!("/proc: {error}"))?;
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let parents: Vec<(u32, u32)> = pids.filter_map(|pid| Some((pid, stat(pid)?.get(1)?.parse().ok()?))).collect();
    let mut family: BTreeSet<u32> = roots.iter().copied().collect();
    loop {
        let before = family.len();
        family.extend(
            parents.iter().filter(|(_, parent)| family.contains(parent)).map(|(pid, _)| *pid).collect::<Vec<_>>(),
        );
        if family.len() == before {
            return Ok(family);
        }
    }
}

/// The fields of `/proc/PID/stat` from the third, which is the state, on: before it is a name that may hold anything.
fn stat(pid: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(text.rsplit_once(')')?.1.split_whitespace().map(str::to_owned).collect())
}
