//! `.env` beside the app file: read in development only, never written into the process's environment.
use std::{fs, io, path::Path};

use super::{
    finding::Finding,
    profile::{self, Profile},
};

/// The file's name.
pub const NAME: &str = ".env";

/// The variables of `dir/.env`; none outside development.
pub fn read(dir: &Path, profile: Profile, findings: &mut Vec<Finding>) -> Vec<(String, String)> {
    let path = dir.join(NAME);
    if profile != Profile::Development {
        if path.is_file() {
            let reason = format!("is read in development only, not in {profile}");
            findings.push(Finding::info(NAME, reason, "set what it holds in the real environment, and do not ship it"));
        }
        return Vec::new();
    }
    match fs::read_to_string(&path) {
        Ok(text) => parse(&text, findings),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => {
            let reason = format!("cannot be read: {error}");
            findings.push(Finding::error(NAME, reason, "make it a UTF-8 file this user may read"));
            Vec::new()
        }
    }
}

fn parse(text: &str, findings: &mut Vec<Finding>) -> Vec<(String, String)> {
    let text = text.trim_start_matches('\u{feff}');
    let mut variables = Vec::new();
    for line in dotenvy::from_read_iter(text.as_bytes()) {
        match line {
            Ok((name, value)) if name == profile::VARIABLE && !is_development(&value) => {
                let reason = "names another profile than development, and .env is read in development only";
                findings.push(Finding::error(NAME.to_owned() + ": " + &name, reason, "set it in the real environment"));
            }
            Ok(variable) => variables.push(variable),
            Err(error) => findings.push(malformed(text, &error)),
        }
    }
    variables
}

fn is_development(value: &str) -> bool {
    value.is_empty() || value == Profile::Development.as_str()
}

/// The line's number; never its text, which may hold a secret.
fn malformed(text: &str, error: &dotenvy::Error) -> Finding {
    let number = match error {
        dotenvy::Error::LineParse(part, _) => {
            let start = part.lines().next().unwrap_or_default();
            text.lines().position(|line| line.contains(start))
        }
        _ => None,
    };
    let line = number.map_or_else(String::new, |number| format!(" in line {}", number + 1));
    Finding::error(NAME, format!("is malformed{line}"), "write NAME=value, with single quotes around spaces and $")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(text: &str) -> Vec<String> {
        let mut findings = Vec::new();
        parse(text, &mut findings);
        findings.into_iter().map(|finding| finding.reason).collect()
    }

    #[test]
    fn variables_comments_and_quotes_are_read() {
        let mut findings = Vec::new();
        let found = parse("\u{feff}# c\nA=1\nexport B='two words'\nC=\n", &mut findings);
        let pairs =
            [("A", "1"), ("B", "two words"), ("C", "")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!((found, findings), (pairs.to_vec(), Vec::new()));
    }

    #[test]
    fn malformed_lines_are_numbered_and_not_shown() {
        assert_eq!(findings("A=1\nB = \"hidden\nC=2"), ["is malformed in line 2"]);
        assert_eq!(findings("A=1\nhidden word"), ["is malformed in line 2"]);
    }

    #[test]
    fn another_profile_is_an_error() {
        assert_eq!(findings("HARDPAN_PROFILE=production").len(), 1);
        assert_eq!(findings("HARDPAN_PROFILE=development").len(), 0);
    }
}
