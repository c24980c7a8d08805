//! Tells when somebody else on this machine stopped us or the program: what took long then is nobody's fault.
use std::{
    fs,
    path::Path,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use tokio::time::sleep;

use super::book::{Book, LATE};

const LOOK: Duration = Duration::from_millis(100);

/// Runs until it is dropped.
pub async fn watch(book: Arc<Book>) {
    loop {
        let looked = Instant::now();
        sleep(LOOK).await;
        let pid = book.pid.load(Ordering::Relaxed);
        let is_stopped_by_us = book.is_stopped_by_us.load(Ordering::Relaxed);
        if looked.elapsed() > LATE || (!is_stopped_by_us && is_stopped(pid)) {
            book.pages().disturbed_at = Some(Instant::now());
        }
        book.pages().looked_at = Some(Instant::now());
    }
}

fn is_stopped(pid: u32) -> bool {
    state(Path::new(&format!("/proc/{pid}"))) == Some('T')
}

/// One letter for each thread of a process, as `ps` has them: `T` is stopped, `t` held by a tracer.
pub fn threads(pid: u32) -> String {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    threads.filter_map(|thread| state(&thread.path())).collect()
}

fn state(process: &Path) -> Option<char> {
    let status = fs::read_to_string(process.join("stat")).ok()?;
    status.rsplit_once(')')?.1.trim_start().chars().next()
}
