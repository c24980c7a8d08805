//! Factors whose codes travel: telephones, and the account's mail address.
use ::store::{Ctx, Tx};
use futures_util::FutureExt as _;
use kernel::{Code, Error, FieldError, Result, StepUp, Uuid};
use platform::{
    audit::{self, Entry},
    notifications::Phone,
    single_use::Purpose,
};
use serde_json::json;

use super::{
    model::{Factor, FactorKind, SentEnrolment},
    service::Factors,
    store,
};
use crate::{
    accounts::User,
    notices::{Recipient, mailbox},
};

/// Codes for numbers that are not proven yet are counted by number, too: nobody's telephone is flooded by way of many accounts.
const COUNTED: &str = "phone";

impl Factors {
    /// Begins to add a telephone, and sends a code there that confirms it.
    ///
    /// Errors: 401, also for a log-in that is not fresh; 409 `too_many`; 422, also where no SMS can be sent; 429.
    pub(super) async fn enrol_sms(&self, ctx: &Ctx, phone: &str, label: Option<String>) -> Result<SentEnrolment> {
        ctx.actor.require_fresh(ctx.now(), StepUp::FRESH)?;
        if !self.notices().has_sms() {
            return Err(no_sms("phone"));
        }
        self.enrol(ctx, Some(Phone::new(phone)?), label).await
    }

    /// Begins to add the account's own address, and mails a code there that confirms it.
    ///
    /// Errors: 401, also for a log-in that is not fresh; 409 `too_many`; 422 when nothing can be mailed there; 429.
    pub(super) async fn enrol_email(&self, ctx: &Ctx, label: Option<String>) -> Result<SentEnrolment> {
        self.enrol(ctx, None, label).await
    }

    async fn enrol(&self, ctx: &Ctx, phone: Option<Phone>, label: Option<String>) -> Result<SentEnrolment> {
        ctx.actor.require_fresh(ctx.now(), StepUp::FRESH)?;
        let (kind, purpose) = match phone {
            Some(_) => (FactorKind::Sms, Purpose::SMS_CODE),
            None => (FactorKind::Email, Purpose::EMAIL_CODE),
        };
        let secret = phone.as_ref().map_or("", Phone::as_str).as_bytes();
        let factor = self.unconfirmed(ctx, kind, label, secret)?;
        let enrolment = SentEnrolment {
            id: factor.id,
            phone: phone.as_ref().map(Phone::masked),
            expires_in: purpose.ttl.as_secs(),
        };
        let factors = self.clone();
        let sent = ctx.write(move |ctx, tx| {
            async move {
                let user = factors.add(tx, &ctx, &factor).await?;
                if let Some(phone) = &phone {
                    factors.notices().admit(tx, &ctx, COUNTED, phone.as_str()).await?;
                }
                factors.send(tx, &ctx, &user, &factor, factor.id.uuid()).await
            }
            .boxed()
        });
        sent.await?;
        Ok(enrolment)
    }

    /// Sends a code of `kind` that is good for `request` alone. The caller holds the account's lock.
    ///
    /// Errors: 404 when the account has no such factor; 422 where no SMS can be sent; 429.
    pub(crate) async fn send_code(
        &self,
        tx: &mut Tx<'_>,
        ctx: &Ctx,
        user: &User,
        kind: FactorKind,
        request: Uuid,
    ) -> Result<()> {
        if kind == FactorKind::Sms && !self.notices().has_sms() {
            return Err(no_sms("method"));
        }
        let is_it = |factor: &Factor| factor.kind == kind && factor.confirmed_at.is_some();
        let factor = store::list(tx, user.id).await?.into_iter().find(is_it);
        let factor = factor.ok_or_else(|| Error::new(Code::NotFound).with_detail("The account has no such factor."))?;
        self.send(tx, ctx, user, &factor, request).await
    }

    async fn send(&self, tx: &mut Tx<'_>, ctx: &Ctx, user: &User, factor: &Factor, request: Uuid) -> Result<()> {
        let to = self.recipient(factor, user)?.ok_or_else(|| Error::internal("codes of this factor are not sent"))?;
        self.notices().send_code(tx, ctx, user.id, to, request).await?;
        let after = json!({"user_id": user.id, "kind": factor.kind});
        audit::record(tx, ctx, Entry::new("factor.code_sent", "factor", factor.id).after(after)).await
    }

    /// Where codes of a factor go, if they do.
    pub(super) fn recipient(&self, factor: &Factor, user: &User) -> Result<Option<Recipient>> {
        match factor.kind {
            FactorKind::Email => mailbox(user).map(Recipient::Mailbox).map(Some),
            _ => Ok(self.phone(factor)?.map(Recipient::Phone)),
        }
    }

    /// The number of a telephone.
    pub(super) fn phone(&self, factor: &Factor) -> Result<Option<Phone>> {
        if factor.kind != FactorKind::Sms {
            return Ok(None);
        }
        let secret = self.open(factor)?;
        let number = std::str::from_utf8(secret.expose()).map_err(Error::internal)?;
        Phone::new(number).map(Some).map_err(Error::internal)
    }
}

fn no_sms(field: &str) -> Error {
    let field = FieldError::new(field, "unavailable", "this server sends no SMS");
    Error::new(Code::Invalid).with_detail("This server sends no SMS.").with_field(field)
}
