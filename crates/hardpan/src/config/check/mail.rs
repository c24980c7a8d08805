//! How mail leaves, who it is from, and the templates it is written from.
use platform::notifications::{MailUrl, Templates};

use super::Subject;
use crate::config::finding::Finding;

const URL: &str = "mail.url";
const TEMPLATES: &str = "mail.templates";
const AUTHORITY: &str = "mail.tls_ca";

pub fn check(subject: Subject<'_>) -> Vec<Finding> {
    let Subject { dir, settings, .. } = subject;
    let mut findings = way(subject);
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
