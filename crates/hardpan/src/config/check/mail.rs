//! How mail and SMS leave, and the templates they are written from.
use platform::notifications::{MailUrl, Templates};

use super::Subject;
use crate::config::finding::Finding;

const URL: &str = "mail.url";
const TEMPLATES: &str = "mail.templates";
const AUTHORITY: &str = "mail.tls_ca";

pub fn check(subject: Subject<'_>) -> Vec<Finding> {
    let Subject { dir, settings, .. } = subject;
    let mut findings = way(subject);
    findings.extend(sms(subject));
    if let Some(folder) = settings.text(TEMPLATES)
        && let Err(problems) = Templates::load(Some(&dir.join(folder)))
    {
        let fix = "mend the file, or remove it and the built-in one is used; docs/mail.md lists names and values";
        findings
            .extend(problems.into_iter().map(|problem| Finding::error(TEMPLATES, format!("is wrong: {problem}"), fix)));
    }
    if let Some(path) = settings.text(AUTHORITY)
        && !dir.join(path).is_file()
    {
        findings.push(Finding::error(AUTHORITY, format!("is {path}, which is no file"), "name a PEM file"));
    }
    findings
}

/// All three or none: with some of them nobody gets an SMS, and nobody knows why.
fn sms(Subject { profile, settings, .. }: Subject<'_>) -> Vec<Finding> {
    let names = [
        ("sms.account_sid", "TWILIO_ACCOUNT_SID"),
        ("sms.auth_token", "TWILIO_AUTH_TOKEN"),
        ("sms.from", "TWILIO_FROM"),
    ];
    let (set, missing): (Vec<_>, Vec<_>) = names.into_iter().partition(|(key, _)| settings.origin(key).is_some());
    let Some(url) = settings.text("sms.url") else { return Vec::new() };
    if url == "log:" && profile.is_exposed() {
        let reason = "is log:, so codes for people's telephones stand in the log and go no further";
        return vec![Finding::error("sms.url", reason, "remove it; without an account at Twilio no SMS are sent")];
    }
    if url == "log:" && missing.is_empty() {
        let reason = "is log:, so the account at Twilio is not used";
        return vec![Finding::info("sms.url", reason, "set it to https://api.twilio.com to send SMS from here")];
    }
    if url.starts_with("http://") && profile.is_exposed() {
        let reason = "is http://: the token of the account can be read on its way";
        return vec![Finding::error("sms.url", reason, "remove it, or set it to https://api.twilio.com")];
    }
    if url == "log:" || set.is_empty() {
        return Vec::new();
    }
    let finding = |(key, variable): (&str, &str)| {
        let reason = format!("is missing, and {} is set: no SMS can be sent", set.first().map_or("", |(key, _)| key));
        Finding::error(key, reason, format!("set it in hardpan.toml or by {variable}"))
    };
    missing.into_iter().map(finding).collect()
}

fn way(Subject { profile, settings, .. }: Subject<'_>) -> Vec<Finding> {
    let Some(url) = settings.text(URL) else { return Vec::new() };
    match MailUrl::parse(url) {
        Err(fault) => {
            // It may hold a password, and is not repeated.
            let fix = "write log:, file:FOLDER, smtp://user:password@host:587 or smtps://user:password@host";
            vec![Finding::error(URL, fault, fix)]
        }
        Ok(MailUrl::Log) if profile.is_exposed() => {
            let reason = "is log:, so no mail is sent: nobody can confirm an address or reset a password";
            vec![Finding::warning(URL, reason, "set it to smtp://user:password@host:587")]
        }
        Ok(MailUrl::Folder(_)) if profile.is_exposed() => {
            let reason = "is a folder, and mail goes no further: its links let whoever reads the files in";
            vec![Finding::warning(URL, reason, "set it to smtp://user:password@host:587")]
        }
        Ok(_) => Vec::new(),
    }
}
