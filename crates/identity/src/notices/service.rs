//! Rules for notices: links work once and lead to the pages that were configured, and nobody is flooded.
use std::{sync::Arc, time::Duration};

use ::store::{Ctx, Tx};
use futures_util::FutureExt as _;
use kernel::{Code, Error, Result, Secret, Uuid};
use platform::{
    notifications::{Mail, Mailbox, Notifications, Template},
    secrets::{MacKey, StoredKey},
    single_use::{Issue, Purpose, SingleUse, Ticket},
};
use serde_json::{Value as Json, json};

use super::{
    model::{Letter, Pace, Page, Pages, Told, in_words},
    store::{self, Limit},
};
use crate::{
    accounts::{User, canonical},
    devices::Devices,
    places::Place,
};

/// Of messages of a kind to one recipient.
const USUAL: Pace = Pace { pause: Duration::from_mins(1), most: MOST };
const MOST: i64 = 5;
const HOUR: Duration = Duration::from_hours(1);
/// In which warnings are counted.
const DAY: Duration = Duration::from_hours(24);

/// Writes to the owners of accounts; cheap to clone.
#[derive(Clone)]
pub struct Notices(Arc<Inner>);

struct Inner {
    notifications: Notifications,
    single_use: SingleUse,
    devices: Devices,
    recipients: MacKey,
    pages: Pages,
}

impl Notices {
    pub(crate) fn new(
        notifications: Notifications,
        single_use: SingleUse,
        devices: Devices,
        stored: &StoredKey,
        pages: Pages,
    ) -> Result<Self> {
        let recipients = stored.mac_key("recipient")?;
        Ok(Self(Arc::new(Inner { notifications, single_use, devices, recipients, pages })))
    }

    /// Tells the owner of an account that a credential was changed, in the transaction that changes it.
    pub(crate) async fn tell(&self, tx: &mut Tx<'_>, ctx: &Ctx, user: &User, told: Told<'_>) -> Result<()> {
        // An imported address may be none that mail can be sent to: that must not keep anyone from changing a password.
        let Ok(to) = mailbox(user) else { return Ok(()) };
        let mut values = Notifications::event(ctx);
        match told {
            Told::FactorAdded(factor) | Told::FactorRemoved(factor) => values["factor"] = factor.into(),
            Told::IdentityLinked(provider) => values["provider"] = provider.into(),
            Told::FactorsReset => {
                values["factor"] = "every second factor and passkey, by an administrator".into();
                // Where the administrator sits is nobody's business.
                values["device"] = Json::Null;
                values["address"] = Json::Null;
            }
            Told::ImpossibleTravel(travel) => {
                let country =
                    |place: &Place| place.country.clone().unwrap_or_else(|| "a country we do not know".to_owned());
                values["country"] = country(&travel.to).into();
                values["last_country"] = country(&travel.from).into();
                values["last_at"] = Notifications::time(travel.left_at).into();
                values["kilometres"] = travel.kilometres.to_string().into();
            }
            Told::PasswordChanged | Told::BackupCodesMade | Told::NewDevice => {}
        }
        let mail = Mail { to, template: told.template(), values, expires_at: None };
        self.0.notifications.mail(tx, ctx, mail).await.map(|_| ())
    }

    /// Tells the owner of an account of a log-in that is out of the ordinary: five times a day at most of each kind, for whoever
    /// knows the password could fill the mailbox.
    pub(crate) async fn warn(&self, tx: &mut Tx<'_>, ctx: &Ctx, user: &User, told: Told<'_>) -> Result<()> {
        let limit = Limit { pause: ctx.now(), since: ctx.now().minus(DAY), most: MOST };
        let recipient = self.subject(told.template().name(), &user.id.to_string());
        if store::count(tx, recipient, &limit, ctx.now()).await? {
            self.tell(tx, ctx, user, told).await
        } else {
            Ok(())
        }
    }

    /// Issues a link and mails it.
    pub(crate) async fn send(&self, tx: &mut Tx<'_>, ctx: &Ctx, letter: Letter<'_>) -> Result<()> {
        let Letter { purpose, subject, user_id, payload, .. } = letter;
        let ticket = Ticket::about(subject, ctx.random());
        let issue = Issue { purpose, user_id, payload };
        self.0.single_use.issue_about(tx, ctx, issue, subject, ticket.secret.expose()).await?;
        let mut values = letter.values;
        values["link"] = self.link(letter.page, &Secret::new(ticket.reveal())).into();
        values["valid_for"] = in_words(purpose.ttl).into();
        let expires_at = Some(ctx.now().plus(purpose.ttl));
        let mail = Mail { to: letter.to, template: letter.template, values, expires_at };
        self.write(tx, ctx, mail, letter.is_pretence).await
    }

    /// Asks the owner of an account to prove that the address is theirs.
    pub(crate) async fn ask_to_verify(&self, tx: &mut Tx<'_>, ctx: &Ctx, user: &User) -> Result<()> {
        let payload = json!({"user_id": user.id, "email": user.email}).to_string();
        let letter = Letter {
            to: mailbox(user)?,
            template: Template::VerifyEmail,
            page: Page::Verify,
            purpose: Purpose::VERIFY_EMAIL,
            subject: self.subject(Purpose::VERIFY_EMAIL.name, &user.email),
            user_id: Some(user.id),
            payload: payload.as_bytes(),
            values: json!({}),
            is_pretence: false,
        };
        self.send(tx, ctx, letter).await
    }

    /// Tells whoever registers or takes an address that they have an account already, or does the same work for nobody.
    pub(crate) async fn tell_account_exists(
        &self,
        tx: &mut Tx<'_>,
        ctx: &Ctx,
        to: Mailbox,
        is_pretence: bool,
    ) -> Result<()> {
        let values = json!({"link": self.0.notifications.link("/", None)});
        let mail = Mail { to, template: Template::AccountExists, values, expires_at: None };
        self.write(tx, ctx, mail, is_pretence).await
    }

    async fn write(&self, tx: &mut Tx<'_>, ctx: &Ctx, mail: Mail, is_pretence: bool) -> Result<()> {
        let notifications = &self.0.notifications;
        let written = if is_pretence {
            notifications.pretend(tx, ctx, mail).await
        } else {
            notifications.mail(tx, ctx, mail).await
        };
        written.map(|_| ())
    }

    /// Mails a link that sets the password of `user`, or pretends to.
    pub(crate) async fn send_reset(
        &self,
        tx: &mut Tx<'_>,
        ctx: &Ctx,
        to: Mailbox,
        email: &str,
        user: Option<&User>,
    ) -> Result<()> {
        let payload = json!({"user_id": user.map(|user| user.id), "email": user.map(|user| &user.email)}).to_string();
        let letter = Letter {
            // To the address as its owner wrote it.
            to: user.map_or(Ok(to), mailbox)?,
            template: Template::ResetPassword,
            page: Page::Reset,
            purpose: Purpose::RESET_PASSWORD,
            subject: self.subject(Purpose::RESET_PASSWORD.name, email),
            user_id: user.map(|user| user.id),
            payload: payload.as_bytes(),
            values: json!({}),
            is_pretence: user.is_none(),
        };
        self.send(tx, ctx, letter).await
    }

    /// Counts that `what` was asked for about this address, sent or not; anew after a day without.
    pub(crate) async fn count_asked(&self, tx: &mut Tx<'_>, ctx: &Ctx, what: &str, recipient: &str) -> Result<()> {
        store::count_asked(tx, self.subject(what, recipient), ctx.now().minus(DAY), ctx.now()).await
    }

    /// What [`Self::count_asked`] counted so far.
    pub(crate) async fn asked(&self, tx: &mut Tx<'_>, what: &str, recipient: &str) -> Result<i64> {
        store::sent(tx, self.subject(what, recipient)).await
    }

    /// Whether one more of `what` may go to this address or account, and counts it: one a minute, five an hour. The same work either way.
    pub(crate) async fn may_send(&self, tx: &mut Tx<'_>, ctx: &Ctx, what: &str, recipient: &str) -> Result<bool> {
        self.count(tx, ctx, &USUAL, self.subject(what, recipient)).await
    }

    /// The same, where the recipient may be told. Errors: 429, with the time to wait.
    pub(crate) async fn admit(&self, tx: &mut Tx<'_>, ctx: &Ctx, what: &str, recipient: &str) -> Result<()> {
        self.admit_at(tx, ctx, &USUAL, what, recipient).await
    }

    /// The same at another pace.
    pub(super) async fn admit_at(
        &self,
        tx: &mut Tx<'_>,
        ctx: &Ctx,
        pace: &Pace,
        what: &str,
        recipient: &str,
    ) -> Result<()> {
        let subject = self.subject(what, recipient);
        if self.count(tx, ctx, pace, subject).await? {
            return Ok(());
        }
        let next = store::next(tx, subject, pace.most).await?;
        let at = next.map_or(ctx.now(), |next| {
            let after_pause = next.last_at.plus(pace.pause);
            next.full_since.map_or(after_pause, |since| after_pause.max(since.plus(HOUR)))
        });
        Err(Error::new(Code::RateLimited)
            .with_detail("One was sent a moment ago, or several in the last hour.")
            .with_retry_after(at.since(ctx.now())))
    }

    async fn count(&self, tx: &mut Tx<'_>, ctx: &Ctx, pace: &Pace, subject: Uuid) -> Result<bool> {
        let limit = Limit { pause: ctx.now().minus(pace.pause), since: ctx.now().minus(HOUR), most: pace.most };
        store::count(tx, subject, &limit, ctx.now()).await
    }

    /// What stands for an address, whether anyone has it or not.
    pub(crate) fn subject(&self, what: &str, recipient: &str) -> Uuid {
        let digest = self.0.recipients.sign(&[what.as_bytes(), &[0], canonical(recipient).as_bytes()].concat());
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        Uuid::from_bytes(bytes)
    }

    pub(super) fn notifications(&self) -> &Notifications {
        &self.0.notifications
    }

    pub(super) fn devices(&self) -> &Devices {
        &self.0.devices
    }

    pub(super) fn single_use(&self) -> &SingleUse {
        &self.0.single_use
    }

    pub(crate) fn link(&self, page: Page, token: &Secret<String>) -> String {
        match self.0.pages.configured(page) {
            // Tokens are base64url, which needs no escaping.
            Some(url) => format!("{url}#token={}", token.expose()),
            None => self.0.notifications.link(page.path(), Some(token)),
        }
    }

    /// Removes counts that are over, and says how many. For the server itself. Errors: 403; 503.
    pub(crate) async fn purge(&self, ctx: &Ctx) -> Result<u64> {
        ctx.purge(|ctx, tx, limit| async move { store::purge(tx, ctx.now().minus(DAY), limit).await }.boxed()).await
    }
}

/// Where mail for an account goes.
pub(crate) fn mailbox(user: &User) -> Result<Mailbox> {
    Mailbox::new(user.name.as_deref(), &user.email)
}

/// What a link was issued with.
pub(crate) fn read(payload: &Secret<Vec<u8>>) -> Result<Json> {
    serde_json::from_slice(payload.expose()).map_err(kernel::Error::internal)
}
