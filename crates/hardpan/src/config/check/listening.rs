//! Where the server listens, whom it believes, and what it shows to strangers.
use super::Subject;
use crate::config::{
    finding::Finding,
    setting::{Origin, Settings},
};

const LISTEN: &str = "server.listen";
const ADMIN: &str = "server.admin_listen";
const PROXIES: &str = "server.trusted_proxies";

pub fn check(subject: Subject<'_>) -> Vec<Finding> {
    let mut findings = addresses(subject);
    findings.extend(proxies(subject));
    let Subject { profile, settings, .. } = subject;
    if profile.is_exposed() && settings.text("server.docs") == Some("public") {
        let reason = "is public: strangers can read what the API offers";
        findings.push(Finding::warning(
            "server.docs",
            reason,
            "remove it if that is not meant; administrators keep access",
        ));
    }
    if profile.is_exposed() && settings.bool("limits.enabled") == Some(false) {
        let reason = "is false: passwords could be guessed and the server flooded without a bound";
        findings.push(Finding::error(
            "limits.enabled",
            reason,
            "remove it, and raise single limits where they are too low",
        ));
    }
    if profile.is_exposed() && settings.text("log.level").is_some_and(is_verbose) {
        let reason = "logs details of every request, which may be personal";
        findings.push(Finding::warning("log.level", reason, "set it to info"));
    }
    findings
}

fn addresses(Subject { profile, settings, .. }: Subject<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let (Some(listen), Some(admin)) = (settings.address(LISTEN), settings.address(ADMIN)) else { return findings };
    if !profile.is_exposed() && !listen.ip().is_loopback() {
        let reason = format!("is {listen}: {profile} is not fit to be reached from other machines");
        let fix = "listen on 127.0.0.1, or set HARDPAN_PROFILE=production and what it asks for";
        findings.push(Finding::error(LISTEN, reason, fix));
    }
    if !admin.ip().is_loopback() {
        let reason = format!("is {admin}: metrics would be public, for they ask for no token yet");
        findings.push(Finding::error(ADMIN, reason, "listen on 127.0.0.1"));
    }
    let is_same_place = admin.ip() == listen.ip() || listen.ip().is_unspecified() || admin.ip().is_unspecified();
    if is_same_place && admin.port() == listen.port() && listen.port() != 0 {
        let reason = format!("is {admin}, which {LISTEN} takes");
        let fix = "choose another port";
        // Its default gives way; what someone wrote does not.
        findings.push(if is_configured(settings, ADMIN) {
            Finding::error(ADMIN, reason, fix)
        } else {
            Finding::warning(ADMIN, reason + "; metrics will not be served", fix)
        });
    }
    findings
}

fn proxies(Subject { profile, settings, .. }: Subject<'_>) -> Vec<Finding> {
    let Some(networks) = settings.networks(PROXIES) else { return Vec::new() };
    if networks.iter().any(|network| network.prefix_len() == 0) {
        let reason = "contains every address there is: anyone may claim to be anyone, and no limit by address holds";
        return vec![Finding::warning(PROXIES, reason, "name the proxy's network alone")];
    }
    if networks.is_empty() && profile.is_exposed() {
        let reason = "is empty: behind a proxy every caller has the proxy's address, and all share one rate limit";
        let fix = "name the network of the proxy that ends TLS, as [\"127.0.0.1\"]";
        return vec![Finding::warning(PROXIES, reason, fix)];
    }
    Vec::new()
}

fn is_configured(settings: &Settings, path: &str) -> bool {
    settings.origin(path).is_some_and(|origin| *origin != Origin::Default)
}

fn is_verbose(level: &str) -> bool {
    let level = level.to_ascii_lowercase();
    level.contains("debug") || level.contains("trace")
}
