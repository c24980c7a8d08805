//! Accounts as log-ins with providers make and change them.
use ::store::{Ctx, Tx};
use kernel::{Code, Error, Result, UserId};
use platform::audit::{self, Entry};
use serde_json::{Value as Json, json};

use super::{
    changes,
    model::{NAME_MAX, User, email_field},
    service::Accounts,
    store::{self, Draft},
};

/// An account for someone whom a provider vouches for.
pub(crate) struct NewIdentityAccount<'a> {
    pub email: &'a str,
    pub is_email_verified: bool,
    pub name: Option<&'a str>,
}

impl Accounts {
    /// Whose address this is.
    pub(crate) async fn id_of_email(&self, tx: &mut Tx<'_>, email: &str) -> Result<Option<UserId>> {
        store::id_of_email(tx, email).await
    }

    /// Creates an account without a password. Errors: 401 `identity_refused` for an address that is none; 409 `email_taken`.
    pub(crate) async fn insert_for_identity(
        &self,
        tx: &mut Tx<'_>,
        ctx: &Ctx,
        new: &NewIdentityAccount<'_>,
    ) -> Result<User> {
        if email_field().parse(&Json::from(new.email)).is_err() {
            return Err(Error::new(Code::IdentityRefused).with_detail("The provider tells no usable email address."));
        }
        let id: UserId = ctx.new_id();
        let draft = Draft {
            id,
            email: new.email,
            email_verified_at: new.is_email_verified.then(|| ctx.now()),
            username: None,
            name: new.name.and_then(usable_name),
            password_hash: None,
            at: ctx.now(),
        };
        changes::insert(tx, &draft).await?;
        audit::record(tx, ctx, Entry::new("account.created", "user", id).after(json!({"version": 1}))).await?;
        self.find(tx, id).await?.ok_or_else(|| Error::internal("an account that was just created is not there"))
    }

    /// Makes an account with an unproven address that of who proved it. The caller holds its lock, and ends what else leads into it.
    pub(crate) async fn claim(&self, tx: &mut Tx<'_>, ctx: &Ctx, user_id: UserId) -> Result<()> {
        store::claim(tx, user_id, ctx.now()).await
    }

    /// Names an account that has no name. The caller holds its lock.
    pub(crate) async fn fill_name(&self, tx: &mut Tx<'_>, ctx: &Ctx, user: User, name: &str) -> Result<User> {
        let Some(name) = usable_name(name) else { return Ok(user) };
        let user = User { name: Some(name.to_owned()), version: user.version + 1, updated_at: ctx.now(), ..user };
        store::update(tx, &user).await?;
        let entry = Entry::new("account.updated", "user", user.id).after(json!({"version": user.version}));
        audit::record(tx, ctx, entry).await?;
        Ok(user)
    }
}

fn usable_name(name: &str) -> Option<&str> {
    let name = name.trim();
    let is_plain = !name.chars().any(char::is_control) && (1..=NAME_MAX).contains(&name.chars().count());
    is_plain.then_some(name)
}
