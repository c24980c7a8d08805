//! Tokens and sessions.
use kernel::duration;

use super::Subject;
use crate::config::finding::Finding;

const ACCESS: &str = "auth.access_ttl";
const REFRESH: &str = "auth.refresh_ttl";

pub fn check(Subject { settings, .. }: Subject<'_>) -> Vec<Finding> {
    let (Some(access), Some(refresh)) = (settings.duration(ACCESS), settings.duration(REFRESH)) else {
        return Vec::new();
    };
    if refresh > access {
        return Vec::new();
    }
    let (access, refresh) = (duration::write(access), duration::write(refresh));
    let reason = format!("is {refresh}, not longer than {ACCESS} ({access}): sessions would end before their tokens");
    vec![Finding::error(REFRESH, reason, "make it longer, usually by days, or make the access token's shorter")]
}
