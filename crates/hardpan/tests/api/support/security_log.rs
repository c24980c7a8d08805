//! The lines of the security log.
use std::{
    io::{self, Write},
    sync::{Mutex, Once, PoisonError},
};

use serde_json::Value as Json;
use tracing_subscriber::{EnvFilter, util::SubscriberInitExt as _};

/// Of every server in this process.
static LINES: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Lines;

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        LINES.lock().unwrap_or_else(PoisonError::into_inner).write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is logged of one thing. Other tests log at the same time: nobody else may have it.
pub struct SecurityLog<'a> {
    field: &'static str,
    value: &'a str,
    seen: usize,
}

impl<'a> SecurityLog<'a> {
    /// Of lines whose `field` is `value`, from now on.
    pub fn of(field: &'static str, value: &'a str) -> Self {
        static KEPT: Once = Once::new();
        KEPT.call_once(|| {
            let json = tracing_subscriber::fmt().json().flatten_event(true).with_writer(|| Lines);
            json.with_env_filter(EnvFilter::new("security=warn")).finish().init();
        });
        let mut log = Self { field, value, seen: 0 };
        log.news();
        log
    }

    /// The events since the last look.
    pub fn news(&mut self) -> Vec<String> {
        let lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = lines.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice::<Json>(line).ok());
        let lines = lines.filter(|line| line[self.field] == self.value).skip(self.seen);
        let news: Vec<_> = lines.map(|line| line["event"].as_str().unwrap().to_owned()).collect();
        self.seen += news.len();
        news
    }
}
