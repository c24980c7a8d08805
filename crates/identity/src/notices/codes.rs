//! Codes that travel: six digits by SMS or mail, good once, for the request that asked for them and for no other.
use std::time::Duration;

use ::store::{Ctx, Tx};
use kernel::{Random, Result, UserId, Uuid};
use platform::{
    notifications::{Mail, Mailbox, Phone, Sms, Template},
    single_use::{Issue, Purpose},
};
use serde_json::json;

use super::{
    model::{Pace, in_words},
    service::Notices,
};

/// Codes are counted by the device that asks for them, whichever way they go; devices that the account does not know are one:
/// who knows the password alone does not use up the owner's.
const COUNTED: &str = "code";
/// All codes of an account. Strangers get no further than a part of it, however their hours fall.
const COUNTED_TOGETHER: &str = "code_together";
/// Messages cost money, and an account may have many devices.
const TOGETHER: Pace = Pace { pause: Duration::ZERO, most: 20 };

/// Where codes go.
pub(crate) enum Recipient {
    Phone(Phone),
    Mailbox(Mailbox),
}

impl Recipient {
    const fn purpose(&self) -> Purpose {
        match self {
            Self::Phone(_) => Purpose::SMS_CODE,
            Self::Mailbox(_) => Purpose::EMAIL_CODE,
        }
    }

    /// The number or the address.
    fn address(&self) -> String {
        match self {
            Self::Phone(phone) => phone.as_str().to_owned(),
            Self::Mailbox(mailbox) => mailbox.address(),
        }
    }
}

impl Notices {
    /// Sends a code that is good for `request` alone: the challenge it answers, the session it proves anew, or the factor it confirms.
    /// One sent for it before is good no more.
    ///
    /// Errors: 429 after one in the last minute or five in the last hour, or twenty on all devices.
    pub(crate) async fn send_code(
        &self,
        tx: &mut Tx<'_>,
        ctx: &Ctx,
        user_id: UserId,
        to: Recipient,
        request: Uuid,
    ) -> Result<()> {
        let account = user_id.to_string();
        let device = self.devices().known(tx, ctx, user_id).await?.map(|device| device.to_string());
        self.admit(tx, ctx, COUNTED, device.as_ref().unwrap_or(&account)).await?;
        self.admit_at(tx, ctx, &TOGETHER, COUNTED_TOGETHER, &account).await?;
        let (purpose, address, code) = (to.purpose(), to.address(), six_digits(ctx.random()));
        let issue = Issue { purpose, user_id: Some(user_id), payload: address.as_bytes() };
        self.single_use().issue_about(tx, ctx, issue, request, code.as_bytes()).await?;
        let values = json!({"code": code, "valid_for": in_words(purpose.ttl)});
        let expires_at = Some(ctx.now().plus(purpose.ttl));
        let sent = match to {
            Recipient::Phone(to) => {
                let sms = Sms { to, template: Template::SmsCode, values, expires_at };
                self.notifications().sms(tx, ctx, sms).await
            }
            Recipient::Mailbox(to) => {
                let mail = Mail { to, template: Template::LoginCode, values, expires_at };
                self.notifications().mail(tx, ctx, mail).await
            }
        };
        sent.map(|_| ())
    }

    /// Uses up the code of `request`, and says whether it is right and went to where it would go now. A wrong one is counted: commit
    /// either way.
    pub(crate) async fn take_code(
        &self,
        tx: &mut Tx<'_>,
        ctx: &Ctx,
        to: &Recipient,
        request: Uuid,
        code: &str,
    ) -> Result<bool> {
        let taken = self.single_use().consume(tx, ctx, to.purpose(), request, code.as_bytes()).await?;
        Ok(taken.is_some_and(|went_to| went_to.matches(to.address().as_bytes())))
    }

    /// Whether codes can go by SMS.
    pub(crate) fn has_sms(&self) -> bool {
        self.notifications().has_sms()
    }
}

/// Of 2^64 numbers, every code has as many within one in ten million million.
fn six_digits(random: &dyn Random) -> String {
    let mut bytes = [0; 8];
    random.fill(&mut bytes);
    format!("{:06}", u64::from_be_bytes(bytes) % 1_000_000)
}

#[cfg(test)]
mod tests {
    use kernel::SeededRandom;

    use super::*;

    #[test]
    fn codes_have_six_digits_and_differ() {
        let random = SeededRandom::new(1);
        let codes: std::collections::BTreeSet<String> = (0..1_000).map(|_| six_digits(&random)).collect();
        assert!(codes.iter().all(|code| code.len() == 6 && code.bytes().all(|digit| digit.is_ascii_digit())));
        assert!(codes.len() > 990, "{}", codes.len());
        // Those that begin with a nought are there, too.
        assert!(codes.iter().any(|code| code.starts_with('0')));
    }
}
