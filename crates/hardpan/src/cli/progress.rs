//! How far long work has come: one line that changes on a terminal, a line now and then elsewhere.
use std::{
    io::{self, IsTerminal as _, Write as _},
    time::{Duration, Instant},
};

/// On standard error, so that standard output stays what was asked for.
pub struct Progress {
    is_terminal: bool,
    last: Instant,
    is_shown: bool,
}

impl Progress {
    pub fn new() -> Self {
        Self { is_terminal: io::stderr().is_terminal(), last: Instant::now(), is_shown: false }
    }

    /// Shows what `text` says, unless something was shown just now.
    pub fn show(&mut self, text: impl FnOnce() -> String) {
        let pause = if self.is_terminal { Duration::from_millis(100) } else { Duration::from_secs(10) };
        if self.last.elapsed() < pause {
            return;
        }
        self.last = Instant::now();
        let mut err = io::stderr().lock();
        let _ = if self.is_terminal { write!(err, "\r{}\x1b[K", text()) } else { writeln!(err, "{}", text()) };
        self.is_shown = self.is_terminal;
        let _ = err.flush();
    }

    /// Takes the changing line away, so that something else can be printed.
    pub fn clear(&mut self) {
        if std::mem::take(&mut self.is_shown) {
            let _ = write!(io::stderr().lock(), "\r\x1b[K");
        }
    }
}
