//! How often processes ask the disk to be durable, as strace sees it; and what else it can make of their system calls.
use std::{fs, process::Stdio, time::Duration};

use tokio::{
    process::{Child, Command},
    time::{sleep, timeout},
};

use super::program::signal;

/// Whether it is installed.
pub async fn is_there() -> bool {
    let version = Command::new("strace").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().await;
    version.is_ok_and(|status| status.success())
}

/// A strace that watches processes.
pub struct Strace {
    child: Child,
    folder: tempfile::TempDir,
}

impl Strace {
    /// Once every thread of `pids` is watched.
    pub async fn attach(pids: &[u32]) -> Result<Self, String> {
        Self::start(pids, &["-c", "-e", "trace=fsync,fdatasync"]).await
    }

    /// Once these system calls of `pids`, and of their children to come, end in another way, as `error=EIO`.
    pub async fn bend(pids: &[u32], calls: &str, how: &str) -> Result<Self, String> {
        Self::start(pids, &["-qq", "-e", &format!("trace={calls}"), "-e", &format!("inject={calls}:{how}")]).await
    }

    async fn start(pids: &[u32], arguments: &[&str]) -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let mut command = Command::new("strace");
        command.arg("-f").args(arguments).arg("-o").arg(folder.path().join("calls"));
        command.args(pids.iter().flat_map(|pid| ["-p".to_owned(), pid.to_string()]));
        command.stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        let child = command.spawn().map_err(|error| format!("strace: {error}"))?;
        let traced = Self { child, folder };
        for _ in 0..500 {
            if pids.iter().all(|pid| is_watched(*pid)) {
                return Ok(traced);
            }
            sleep(Duration::from_millis(10)).await;
        }
        Err("strace could not attach to the program".to_owned())
    }

    /// Lets the processes go.
    pub async fn let_go(&mut self) -> Result<(), String> {
        // It ends with the last of those it watches.
        if let (Ok(None), Some(pid)) = (self.child.try_wait(), self.child.id()) {
            signal("INT", pid).await?;
        }
        let ended = timeout(Duration::from_secs(10), self.child.wait()).await;
        ended.map_err(|_| "strace does not end".to_owned())?.map(|_| ()).map_err(|error| error.to_string())
    }

    /// How many calls there were.
    pub async fn end(mut self) -> Result<u32, String> {
        self.let_go().await?;
        let table = fs::read_to_string(self.folder.path().join("calls")).map_err(|error| error.to_string())?;
        Ok(calls(&table))
    }
}

/// Whether every thread of the process is watched, as long as it lives.
pub fn is_watched(pid: u32) -> bool {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten();
    threads.flatten().all(|thread| {
        let Ok(status) = fs::read_to_string(thread.path().join("status")) else { return true };
        status.lines().any(|line| line.strip_prefix("TracerPid:").is_some_and(|pid| pid.trim() != "0"))
    })
}

/// The calls of strace's table: `% time, seconds, usecs/call, calls, [errors,] syscall`.
fn calls(table: &str) -> u32 {
    let rows = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let counted = rows.filter(|row| matches!(row.last(), Some(&("fsync" | "fdatasync"))));
    counted.filter_map(|row| row.get(3).and_then(|calls| calls.parse::<u32>().ok())).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read() {
        let table = "% time     seconds  usecs/call     calls    errors syscall\n\
                     ------ ----------- ----------- --------- --------- ----------------\n \
                     98.56    0.127491         637       200         1 fdatasync\n  \
                     1.44    0.001863         931         2           fsync\n\
                     ------ ----------- ----------- --------- --------- ----------------\n\
                     100.00    0.129354         640       202         1 total\n";
        assert_eq!(calls(table), 202);
        assert_eq!(calls(""), 0);
    }
}
