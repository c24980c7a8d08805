//! Rules of notifications: whatever is sent is a row of the outbox in the caller's transaction.
use ::store::{Ctx, Tx};
use kernel::{Error, Result, Secret, Timestamp};
use serde_json::{Value as Json, json};

use super::{
    address::one_line,
    links::{Links, host},
    model::{Mail, Payload, Sms},
    template::Template,
};
use crate::outbox::{Message, Outbox, OutboxId};

/// Kinds of the outbox.
pub(super) const MAIL: &str = "mail";
pub(super) const SMS: &str = "sms";

/// Writes to people. Cheap to clone.
#[derive(Clone)]
pub struct Notifications {
    outbox: Outbox,
    app_name: String,
    links: Links,
    has_sms: bool,
}

impl Notifications {
    /// `public_url` is the only base of links.
    pub fn new(outbox: Outbox, app_name: String, public_url: String, has_sms: bool) -> Self {
        Self { outbox, app_name, links: Links::new(public_url), has_sms }
    }

    /// Sends a mail once the transaction is committed. Errors: internal, when a value is missing that the template needs.
    pub async fn mail(&self, tx: &mut Tx<'_>, ctx: &Ctx, mail: Mail) -> Result<OutboxId> {
        self.write(tx, ctx, mail, false).await
    }

    /// Does as [`mail`](Self::mail) does, and nobody gets it: where strangers must not learn from the time of an answer whether there is
    /// anyone to write to.
    pub async fn pretend(&self, tx: &mut Tx<'_>, ctx: &Ctx, mail: Mail) -> Result<OutboxId> {
        self.write(tx, ctx, mail, true).await
    }

    async fn write(&self, tx: &mut Tx<'_>, ctx: &Ctx, mail: Mail, is_pretence: bool) -> Result<OutboxId> {
        let (name, to) = (mail.to.name().map(str::to_owned), mail.to.address());
        let payload = self.payload(mail.template, to, name, mail.values, is_pretence)?;
        self.outbox.add(tx, ctx, Message { kind: MAIL, payload, expires_at: mail.expires_at }).await
    }

    /// Sends a short message once the transaction is committed. Errors: internal, when a value is missing that the template needs, or no
    /// SMS can be sent: ask [`has_sms`](Self::has_sms) first.
    pub async fn sms(&self, tx: &mut Tx<'_>, ctx: &Ctx, sms: Sms) -> Result<OutboxId> {
        if !self.has_sms {
            return Err(Error::internal("sms.account_sid, sms.auth_token and sms.from are not configured"));
        }
        let payload = self.payload(sms.template, sms.to.as_str().to_owned(), None, sms.values, false)?;
        self.outbox.add(tx, ctx, Message { kind: SMS, payload, expires_at: sms.expires_at }).await
    }

    /// Whether short messages can be sent.
    pub const fn has_sms(&self) -> bool {
        self.has_sms
    }

    /// A link to a page of the app, with a token in its fragment: from `app.public_url`, whatever a request says.
    pub fn link(&self, path: &str, token: Option<&Secret<String>>) -> String {
        self.links.to(path, token)
    }

    /// When and from where something was done, for the templates that say so.
    pub fn event(ctx: &Ctx) -> Json {
        json!({
            "at": Self::time(ctx.now()),
            "device": ctx.request.user_agent.as_deref().map(one_line),
            "address": ctx.request.address.map(|address| address.to_string()),
        })
    }

    /// A time as mails say it.
    pub fn time(at: Timestamp) -> String {
        let at = at.to_string();
        format!("{} UTC", at.get(..16).unwrap_or(&at).replace('T', " "))
    }

    fn payload(
        &self,
        template: Template,
        to: String,
        name: Option<String>,
        values: Json,
        is_pretence: bool,
    ) -> Result<Secret<Vec<u8>>> {
        if let Some(missing) = template.values().iter().find(|name| values[**name].is_null()) {
            return Err(Error::internal(format!("{} needs {missing}", template.name())));
        }
        let url = self.links.public_url();
        let mut all = json!({"app_name": self.app_name, "app_url": url, "app_host": host(url)});
        if let (Some(all), Json::Object(values)) = (all.as_object_mut(), values) {
            all.extend(values);
        }
        Payload { to, name, template: template.name().to_owned(), values: all, is_pretence }.seal()
    }
}
