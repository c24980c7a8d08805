//! Types of the notices: what is told, and the pages that mailed links lead to.
use std::time::Duration;

use kernel::{UserId, Uuid};
use platform::{
    notifications::{Mailbox, Template},
    single_use::Purpose,
};
use serde_json::Value as Json;

use crate::places::Travel;

/// Where a mailed link leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    Verify,
    Reset,
    Undo,
    Invitation,
}

impl Page {
    pub const ALL: [Self; 4] = [Self::Verify, Self::Reset, Self::Undo, Self::Invitation];

    /// The one Hardpan serves.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Verify => "/auth/verify",
            Self::Reset => "/auth/reset",
            Self::Undo => "/auth/undo",
            Self::Invitation => "/auth/invitation",
        }
    }
}

/// The app's own pages, in the place of those that Hardpan serves. Nothing else can be the target of a link.
#[derive(Clone, Debug, Default)]
pub struct Pages {
    pub verify: Option<String>,
    pub reset: Option<String>,
    pub undo: Option<String>,
    pub invitation: Option<String>,
}

impl Pages {
    pub(super) fn configured(&self, page: Page) -> Option<&str> {
        match page {
            Page::Verify => self.verify.as_deref(),
            Page::Reset => self.reset.as_deref(),
            Page::Undo => self.undo.as_deref(),
            Page::Invitation => self.invitation.as_deref(),
        }
    }
}

/// How fast messages may follow each other.
pub(super) struct Pace {
    /// Between two of them.
    pub pause: Duration,
    /// In an hour.
    pub most: i64,
}

/// A mail with a link that works once.
pub struct Letter<'a> {
    pub to: Mailbox,
    pub template: Template,
    pub page: Page,
    pub purpose: Purpose,
    /// What the link is about; an earlier one about the same ends.
    pub subject: Uuid,
    /// The account whose it is.
    pub user_id: Option<UserId>,
    pub payload: &'a [u8],
    /// What the template needs besides the link.
    pub values: Json,
    /// Everything is done, and nobody gets it.
    pub is_pretence: bool,
}

/// What the owner of an account is told of.
#[derive(Clone, Copy, Debug)]
pub enum Told<'a> {
    PasswordChanged,
    FactorAdded(&'a str),
    FactorRemoved(&'a str),
    BackupCodesMade,
    NewDevice,
    /// By an administrator.
    FactorsReset,
    ImpossibleTravel(&'a Travel),
    /// By the name of its provider.
    #[cfg_attr(not(feature = "oidc"), expect(dead_code, reason = "nothing links without"))]
    IdentityLinked(&'a str),
}

impl Told<'_> {
    pub(super) const fn template(self) -> Template {
        match self {
            Self::PasswordChanged => Template::PasswordChanged,
            Self::FactorAdded(_) => Template::FactorAdded,
            Self::FactorRemoved(_) | Self::FactorsReset => Template::FactorRemoved,
            Self::BackupCodesMade => Template::BackupCodesMade,
            Self::NewDevice => Template::NewDevice,
            Self::ImpossibleTravel(_) => Template::ImpossibleTravel,
            Self::IdentityLinked(_) => Template::IdentityLinked,
        }
    }
}

/// `24 hours`.
pub(super) fn in_words(time: Duration) -> String {
    let minutes = time.as_secs() / 60;
    let (count, unit) = match minutes {
        _ if minutes > 24 * 60 && minutes.is_multiple_of(24 * 60) => (minutes / (24 * 60), "day"),
        _ if minutes >= 60 && minutes.is_multiple_of(60) => (minutes / 60, "hour"),
        _ => (minutes, "minute"),
    };
    if count == 1 { format!("1 {unit}") } else { format!("{count} {unit}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_said_as_people_say_them() {
        for (minutes, words) in
            [(10, "10 minutes"), (60, "1 hour"), (24 * 60, "24 hours"), (7 * 24 * 60, "7 days"), (90, "90 minutes")]
        {
            assert_eq!(in_words(Duration::from_mins(minutes)), words);
        }
    }
}
