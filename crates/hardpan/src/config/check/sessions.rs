//! Tokens and sessions.
use std::time::Duration;

use kernel::duration;

use super::Subject;
use crate::config::{finding::Finding, setting::Origin};

const ACCESS: &str = "auth.access_ttl";
const REFRESH: &str = "auth.refresh_ttl";
const MAX: &str = "auth.session_max";
/// A session that was stolen is good for so long.
const LONG: Duration = Duration::from_hours(90 * 24);

pub fn check(Subject { settings, .. }: Subject<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let (access, refresh, max) = (settings.duration(ACCESS), settings.duration(REFRESH), settings.duration(MAX));
    if let (Some(access), Some(refresh)) = (access, refresh)
        && refresh <= access
    {
        let (access, refresh) = (duration::write(access), duration::write(refresh));
        let reason =
            format!("is {refresh}, not longer than {ACCESS} ({access}): sessions would end before their tokens");
        let fix = "make it longer, usually by days, or make the access token's shorter";
        findings.push(Finding::error(REFRESH, reason, fix));
    }
    let Some(max) = max else { return findings };
    if max > LONG {
        let reason = format!("is {}: a session that is stolen may be used for as long", duration::write(max));
        findings.push(Finding::warning(MAX, reason, "make it 90d at most"));
    }
    let is_chosen = settings.origin(REFRESH) != Some(&Origin::Default);
    if let Some(refresh) = refresh.filter(|refresh| is_chosen && *refresh > max) {
        let (refresh, max) = (duration::write(refresh), duration::write(max));
        let reason = format!("is {refresh}, longer than {MAX} ({max}), which ends sessions before");
        findings.push(Finding::warning(REFRESH, reason, format!("make it shorter, or {MAX} longer")));
    }
    findings
}
