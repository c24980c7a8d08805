//! What browsers rely on: the public address and the origins that may call.
use super::Subject;
use crate::config::{
    finding::{Finding, Level},
    url::{self, Url},
};

const PUBLIC_URL: &str = "app.public_url";
const ORIGINS: &str = "cors.origins";

pub fn check(subject: Subject<'_>) -> Vec<Finding> {
    let mut findings = public_url(subject);
    for origin in subject.settings.list(ORIGINS).unwrap_or_default() {
        findings.extend(check_origin(subject, origin));
    }
    findings
}

fn public_url(Subject { profile, settings, .. }: Subject<'_>) -> Vec<Finding> {
    let Some(text) = settings.text(PUBLIC_URL) else { return Vec::new() };
    let Some(url) = Url::split(text) else { return Vec::new() };
    if profile.is_exposed() && url.scheme != "https" {
        let reason = format!("is {text}: over http, passwords and tokens can be read on their way");
        return vec![Finding::error(PUBLIC_URL, reason, "set it to the https:// address people use")];
    }
    if profile.is_exposed() && url::is_loopback(url.host) {
        let reason = format!("is {text}, which means another machine to everyone else");
        return vec![Finding::warning(PUBLIC_URL, reason, "set it to the https:// address people use")];
    }
    if !profile.is_exposed() && !url::is_loopback(url.host) {
        let reason = format!("is {text}, and {profile} answers to local host names only");
        let fix = "use a loopback address here; HARDPAN_PROFILE=production serves other host names";
        return vec![Finding::warning(PUBLIC_URL, reason, fix)];
    }
    let listens_elsewhere = settings.address("server.listen").is_some_and(|listen| {
        listen.port() != 0 && url.scheme == "http" && url.port.unwrap_or("80") != listen.port().to_string()
    });
    if !profile.is_exposed() && listens_elsewhere {
        let reason = format!("is {text}, and server.listen has another port: links will lead nowhere");
        return vec![Finding::warning(PUBLIC_URL, reason, "remove it here, and it follows server.listen")];
    }
    Vec::new()
}

fn check_origin(Subject { profile, .. }: Subject<'_>, origin: &str) -> Option<Finding> {
    if origin.contains('*') || origin == "null" {
        let level = if profile.is_exposed() { Level::Error } else { Level::Warning };
        let reason =
            format!("contains \"{origin}\", which would let any site act for people who are logged in; it is ignored");
        return Some(Finding::new(level, ORIGINS, reason, "list each origin by itself, as https://app.example.com"));
    }
    if let Some(fault) = origin_fault(origin) {
        let reason = format!("contains \"{origin}\", which {fault}: no browser sends that");
        return Some(Finding::error(ORIGINS, reason, "write scheme, host and port alone, as https://app.example.com"));
    }
    let url = Url::split(origin)?;
    if profile.is_exposed() && url.scheme != "https" {
        let reason = format!("contains \"{origin}\": whoever is on its network can change what it sends");
        return Some(Finding::warning(ORIGINS, reason, "serve that site over https, or remove it"));
    }
    None
}

/// Whether browsers can send this as an `Origin` header.
pub fn is_origin(origin: &str) -> bool {
    !origin.contains('*') && origin != "null" && origin_fault(origin).is_none()
}

fn origin_fault(origin: &str) -> Option<&'static str> {
    if let Some(fault) = url::base_fault(origin) {
        return Some(fault);
    }
    if origin.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Some("has capital letters");
    }
    let is_default = origin.starts_with("https://") && origin.ends_with(":443")
        || origin.starts_with("http://") && origin.ends_with(":80");
    is_default.then_some("names the default port")
}
