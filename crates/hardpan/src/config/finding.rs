//! Findings: what is wrong or worth knowing about a configuration, with the way out.
use std::fmt::Write as _;

use serde::Serialize;
use serde_json::{Value as Json, json};

use super::profile::Profile;

/// How bad it is. An error stops the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Error,
    Warning,
    Info,
}

impl Level {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

/// One thing to know: which key, why, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub level: Level,
    /// A key of the app file (`server.listen`), an environment variable or a file.
    pub key: String,
    pub reason: String,
    pub fix: String,
}

impl Finding {
    pub fn new(level: Level, key: impl Into<String>, reason: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { level, key: key.into(), reason: reason.into(), fix: fix.into() }
    }

    pub fn error(key: impl Into<String>, reason: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new(Level::Error, key, reason, fix)
    }

    pub fn warning(key: impl Into<String>, reason: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new(Level::Warning, key, reason, fix)
    }

    pub fn info(key: impl Into<String>, reason: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new(Level::Info, key, reason, fix)
    }
}

/// Every finding of one look at a configuration, the worst first.
#[derive(Clone, Debug)]
pub struct Report {
    pub profile: Profile,
    findings: Vec<Finding>,
}

/// Keys longer than this do not push the reasons further to the right.
const KEY_WIDTH: usize = 32;

impl Report {
    pub fn new(profile: Profile, mut findings: Vec<Finding>) -> Self {
        findings.sort_by_key(|finding| finding.level);
        Self { profile, findings }
    }

    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    pub fn count(&self, level: Level) -> usize {
        self.findings.iter().filter(|finding| finding.level == level).count()
    }

    pub fn has_errors(&self) -> bool {
        self.count(Level::Error) > 0
    }

    /// `2 errors, 1 warning (production)`.
    pub fn summary(&self) -> String {
        let count = |level: Level, noun: &str| match self.count(level) {
            0 => None,
            1 => Some(format!("1 {noun}")),
            many => Some(format!("{many} {noun}s")),
        };
        let counts: Vec<_> =
            [count(Level::Error, "error"), count(Level::Warning, "warning")].into_iter().flatten().collect();
        let counts = if counts.is_empty() { "no errors, no warnings".to_owned() } else { counts.join(", ") };
        format!("{counts} ({})", self.profile)
    }

    /// One aligned block, two lines a finding.
    pub fn to_text(&self) -> String {
        let longest = self.findings.iter().map(|finding| finding.key.len()).max().unwrap_or(0);
        let width = longest.min(KEY_WIDTH);
        let mut text = String::new();
        for Finding { level, key, reason, fix } in &self.findings {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{:<7}  {key:<width$}  {reason}", level.as_str());
            let _ = writeln!(text, "{:<7}  {:<width$}  fix: {fix}", "", "");
        }
        text.push_str(&self.summary());
        text.push('\n');
        text
    }

    pub fn to_json(&self) -> Json {
        json!({
            "ok": !self.has_errors(),
            "profile": self.profile.as_str(),
            "errors": self.count(Level::Error),
            "warnings": self.count(Level::Warning),
            "findings": self.findings,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        Report::new(
            Profile::Production,
            vec![
                Finding::info("a", "is noted", "nothing to do"),
                Finding::error("server.listen", "is taken", "choose another port"),
            ],
        )
    }

    #[test]
    fn text_is_aligned_with_the_worst_first() {
        let expected = "\
error    server.listen  is taken
                        fix: choose another port
info     a              is noted
                        fix: nothing to do
1 error (production)
";
        assert_eq!(report().to_text(), expected);
    }

    #[test]
    fn json_says_the_same() {
        let json = report().to_json();
        assert_eq!(json["ok"], false);
        assert_eq!(json["findings"][0]["level"], "error");
        assert_eq!(json["findings"][0]["fix"], "choose another port");
    }
}
