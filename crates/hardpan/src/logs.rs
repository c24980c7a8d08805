//! Logs: JSON where machines read them, text where people do; a slow reader loses lines instead of slowing requests.
use std::{
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use kernel::{Error, Result};
use tracing_subscriber::{
    EnvFilter, Layer as _, fmt::MakeWriter, layer::SubscriberExt as _, registry, util::SubscriberInitExt as _,
};

use crate::config::{Log, LogFormat};

/// Lines that may wait for the writer; one more is dropped and counted.
const QUEUE: usize = 8192;

/// Bytes written at once, about.
const BATCH: usize = 64 * 1024;

/// How long lines gather after some were written: whoever logs need not wake the writer for each.
const PAUSE: Duration = Duration::from_millis(5);

/// How long the last lines may take when the process ends.
const PATIENCE: Duration = Duration::from_secs(2);

/// Our own crates: details of the libraries below would drown theirs.
const OWN: [&str; 8] = ["hardpan", "business", "resources", "identity", "platform", "web", "store", "kernel"];

/// The filter that a level or a list of directives means.
pub fn filter(level: &str) -> Result<EnvFilter> {
    let directives = match level {
        "off" | "error" | "warn" | "info" => level.to_owned(),
        "debug" | "trace" => OWN.map(|name| format!("{name}={level}")).join(",") + ",info",
        // A bare word would be taken for the name of a module, and log that one alone.
        word if !word.contains(['=', ',']) => return Err(Error::internal("not a log level")),
        directives => directives.to_owned(),
    };
    EnvFilter::builder().parse(directives).map_err(Error::internal)
}

/// Keeps logs flowing; dropping it writes what still waits, for two seconds at most.
pub struct Logs {
    queue: Sender<Message>,
    dropped: Arc<AtomicU64>,
}

impl Logs {
    /// Sends this process's logs to standard error. Errors: internal, when they go elsewhere already.
    pub fn start(log: &Log) -> Result<Self> {
        let filter = filter(&log.level)?;
        let (logs, writer) = Self::spawn(io::stderr(), QUEUE)?;
        let layer = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(false);
        let layer = match log.format {
            LogFormat::Json => layer.json().flatten_event(true).with_span_list(false).boxed(),
            LogFormat::Text => layer.with_target(false).boxed(),
        };
        registry().with(layer.with_filter(filter)).try_init().map_err(Error::internal)?;
        Ok(logs)
    }

    fn spawn(out: impl Write + Send + 'static, bound: usize) -> Result<(Self, Writer)> {
        let (queue, waiting) = bounded(bound);
        let dropped = Arc::new(AtomicU64::new(0));
        let writer = Writer { queue: queue.clone(), dropped: Arc::clone(&dropped) };
        let count = Arc::clone(&dropped);
        thread::Builder::new()
            .name("logs".into())
            .spawn(move || write_all(out, &waiting, &count))
            .map_err(Error::internal)?;
        Ok((Self { queue, dropped }, writer))
    }

    /// Lines lost so far because the reader was too slow.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

impl Drop for Logs {
    fn drop(&mut self) {
        let (done, finished) = bounded(1);
        // The queue may be full and the reader gone: neither may keep the process from ending.
        if self.queue.send_timeout(Message::Stop(done), PATIENCE).is_ok() {
            let _ = finished.recv_timeout(PATIENCE);
        }
    }
}

enum Message {
    Line(Vec<u8>),
    Stop(Sender<()>),
}

/// The queue's end that requests hold.
#[derive(Clone)]
struct Writer {
    queue: Sender<Message>,
    dropped: Arc<AtomicU64>,
}

impl Write for Writer {
    /// One call is one line: the formatter writes each event at once.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if let Err(TrySendError::Full(_)) = self.queue.try_send(Message::Line(line.to_vec())) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Writer {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Runs until told to stop. A reader that went away is no reason to end: requests go on.
fn write_all(mut out: impl Write, waiting: &Receiver<Message>, dropped: &AtomicU64) {
    let mut reported = 0;
    while let Ok(first) = waiting.recv() {
        // What has gathered meanwhile is written at once.
        let mut lines = Vec::new();
        let mut stop = None;
        for message in std::iter::once(first).chain(waiting.try_iter()) {
            match message {
                Message::Line(line) => lines.extend(line),
                Message::Stop(done) => stop = Some(done),
            }
            if stop.is_some() || lines.len() > BATCH {
                break;
            }
        }
        let _ = out.write_all(&lines).and_then(|()| out.flush());
        let lost = dropped.load(Ordering::Relaxed);
        if lost > reported {
            tracing::warn!(lines = lost - reported, "log lines were dropped because the reader is too slow");
            reported = lost;
        }
        if let Some(done) = stop {
            let _ = done.send(());
            return;
        }
        thread::sleep(PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Keeps what is written; writing waits while the test holds the lock.
    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_arrive_in_order_before_the_end() {
        let out = Shared::default();
        let (logs, mut writer) = Logs::spawn(out.clone(), 16).unwrap();
        for line in ["one\n", "two\n", "three\n"] {
            writer.write_all(line.as_bytes()).unwrap();
        }
        drop(logs);
        assert_eq!(*out.0.lock().unwrap(), b"one\ntwo\nthree\n");
    }

    #[test]
    fn a_reader_that_stands_still_costs_lines_and_no_time() {
        let out = Shared::default();
        let held = out.0.lock().unwrap();
        let (logs, mut writer) = Logs::spawn(out.clone(), 4).unwrap();
        for _ in 0..100 {
            writer.write_all(b"line\n").unwrap();
        }
        // The thread may have taken a queue's worth before it stood still.
        assert!(logs.dropped() >= 100 - 2 * 4 - 1, "{}", logs.dropped());
        drop(held);
        drop(logs);
        assert!(!out.0.lock().unwrap().is_empty());
    }

    #[test]
    fn bare_words_must_be_levels() {
        for (level, is_good) in
            [("info", true), ("debug", true), ("off", true), ("warn,web=trace", true), ("loud", false), ("", false)]
        {
            assert_eq!(filter(level).is_ok(), is_good, "{level}");
        }
    }
}
