//! Taking an account over that nobody proved to own: what whoever made it holds dies before anything is linked.
use ::store::{Ctx, Tx};
use kernel::{Result, UserId};
use platform::audit::{self, Entry};
use serde_json::json;

use super::service::Oauth;
use crate::devices::Devices;

impl Oauth {
    /// Ends every way into an account with an unproven address, and notes the address as proven. What it holds stays: it may well be
    /// of the same person, who never opened the mail.
    ///
    /// The caller holds the account's lock, and forgets its sessions after the commit.
    pub(super) async fn claim(&self, tx: &mut Tx<'_>, ctx: &Ctx, user_id: UserId) -> Result<()> {
        let accounts = self.logins().accounts();
        accounts.claim(tx, ctx, user_id).await?;
        accounts.sessions().revoke_all(tx, ctx, user_id, "account_claimed").await?;
        accounts.api_keys().revoke_all(tx, ctx, user_id, "account_claimed").await?;
        // Also the identity of whoever came with the address before, unproven, by another provider (CVE-2026-44166).
        accounts.disown(tx, user_id, None).await?;
        Devices::forget_all(tx, user_id).await?;
        self.logins().single_use().end_all_of(tx, user_id).await?;
        let entry = Entry::new("account.claimed", "user", user_id).after(json!({"by": "identity"}));
        audit::record(tx, ctx, entry).await
    }
}
