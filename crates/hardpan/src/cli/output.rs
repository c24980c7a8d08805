//! Printing. A reader that closes early (`hardpan openapi | head`) is no error, so failures to print are not looked at.
use std::io::{self, Write as _};

use serde_json::Value as Json;

/// Text that ends with its own newline, on standard output.
pub fn text(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// A line on standard output.
pub fn line(line: &str) {
    text(&format!("{line}\n"));
}

/// Indented JSON on standard output.
pub fn json(json: &Json) {
    line(&format!("{json:#}"));
}

/// A line on standard error, for people who watch.
pub fn note(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}
