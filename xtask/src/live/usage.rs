//! What processes and their children take, as Linux counts it below `/proc`.
use std::{collections::BTreeSet, fs};

/// Ticks a second; Linux shows 100 to every program, whatever it counts in.
const TICKS: f64 = 100.0;

/// Seconds of a core that `roots` and all their children took, also those children that have ended and were waited for.
pub fn cpu(roots: &[u32]) -> Result<f64, String> {
    // One may have ended meanwhile.
    let stats = family(roots)?.into_iter().filter_map(stat);
    let ticks =
        stats.map(|stat| stat.iter().skip(11).take(4).filter_map(|field| field.parse::<f64>().ok()).sum::<f64>());
    Ok(ticks.sum::<f64>() / TICKS)
}

/// Resident memory of `roots` and all their children, in MiB; of memory that processes share, each has its part.
pub fn memory(roots: &[u32]) -> Result<f64, String> {
    let kib = family(roots)?.into_iter().filter_map(|pid| {
        let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
        rollup.lines().find_map(|line| line.strip_prefix("Pss:")?.trim().strip_suffix(" kB")?.parse::<f64>().ok())
    });
    Ok(kib.sum::<f64>() / 1024.0)
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
