//! Names that other backends read: here they do nothing, and whoever set them should know.
use super::Subject;
use crate::config::{
    finding::{Finding, Level},
    master_key,
    profile::{self, Profile},
};

/// Secrets that one derived key per purpose replaces.
const SECRETS: [&str; 5] = ["JWT_SECRET", "JWT_SECRET_KEY", "SECRET_KEY", "SESSION_SECRET", "COOKIE_SECRET"];

pub fn check(Subject { profile, environment, .. }: Subject<'_>) -> Vec<Finding> {
    let level = if profile == Profile::Development { Level::Info } else { Level::Warning };
    let mut findings = Vec::new();
    for name in SECRETS.into_iter().filter(|name| environment.get(name).is_some()) {
        let reason = format!("is not read: every key derives from {} by its purpose", master_key::VARIABLE);
        let fix = format!("unset it; {} takes its place", master_key::VARIABLE);
        findings.push(Finding::new(level, name, reason, fix));
    }
    if let Some((value, _)) = environment.get("ENVIRONMENT") {
        let is_as_meant = means(value, profile);
        let reason = format!("is not read: {} decides, and it is {profile}", profile::VARIABLE);
        // Someone who believes to be in production and is not must hear it even here.
        let level = if is_as_meant { level } else { Level::Warning };
        findings.push(Finding::new(level, "ENVIRONMENT", reason, format!("unset it and set {}", profile::VARIABLE)));
    }
    if profile.is_exposed() && environment.get("DEBUG").is_some_and(|(value, _)| is_truth(value)) {
        let reason =
            format!("asks for debugging, which {profile} refuses: its output shows what strangers must not see");
        findings.push(Finding::error("DEBUG", reason, "unset it; log.level decides what is logged"));
    }
    findings
}

/// Whether another stack's word for it, `prod` or `dev`, means this profile.
fn means(value: &str, profile: Profile) -> bool {
    let start: String = value.trim().chars().take(3).collect();
    start.len() == 3 && profile.as_str().starts_with(&start.to_ascii_lowercase())
}

fn is_truth(text: &str) -> bool {
    matches!(text.trim().to_ascii_lowercase().as_str(), "1" | "true" | "yes" | "on")
}
