//! The rules a configuration must keep, by topic; each says what is wrong, why, and the way out.
mod browsers;
mod database;
mod foreign;
mod listening;
mod mail;
mod oauth;
mod places;
mod sessions;
#[cfg(test)]
mod tests;

pub use browsers::is_origin;

use std::path::Path;

use super::{environment::Environment, finding::Finding, profile::Profile, setting::Settings};

/// What the rules look at. A key whose value could not be read is absent from `settings` and reported already.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// The app's folder.
    pub dir: &'a Path,
    pub profile: Profile,
    pub settings: &'a Settings,
    pub environment: &'a Environment,
}

/// Everything the rules find.
pub fn check(subject: Subject<'_>) -> Vec<Finding> {
    let rules = [
        browsers::check,
        listening::check,
        sessions::check,
        database::check,
        mail::check,
        oauth::check,
        places::check,
        unused,
        foreign::check,
    ];
    rules.into_iter().flat_map(|rule| rule(subject)).collect()
}

/// Keys that are understood and have no effect yet: silence would promise what is not there.
fn unused(Subject { settings, .. }: Subject<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if settings.text("redis.url").is_some() {
        let reason = "is not used yet: limits, sessions and caches are kept by each process alone";
        findings.push(Finding::warning("redis.url", reason, "remove it, and run one process"));
    }
    findings
}
