//! From a person at a provider to an account here. Addresses are never the key; they lead to an account only when both sides proved them.
use ::store::{Ctx, Tx};
use kernel::{Code, Error, IdentityId, Result, UserId};
use platform::audit::{self, Entry};
use serde_json::json;

use super::{model::Person, service::Oauth, store};
use crate::{
    accounts::{NewIdentityAccount, User},
    logins::Registration,
    notices::Told,
};

/// An account to log in to, held.
pub(super) struct Found {
    pub user: User,
    /// Whether its sessions are to be forgotten after the commit.
    pub is_claimed: bool,
}

impl Oauth {
    /// The account of `person`: theirs, linked, or made now.
    ///
    /// Errors: 401 `identity_refused` without a usable address; 403 `registration_closed`; 409 `identity_not_linked`.
    pub(super) async fn sign_in(&self, tx: &mut Tx<'_>, ctx: &Ctx, person: &Person) -> Result<Found> {
        hold(tx, person).await?;
        let accounts = self.logins().accounts();
        if let Some(stored) = store::find(tx, &person.issuer, &person.subject).await? {
            let user = accounts.lock(tx, stored.user_id).await?.filter(User::is_active);
            let user = user.ok_or_else(|| Error::new(Code::InvalidCredentials))?;
            // Claimed or unlinked, while we waited for the account.
            if store::find(tx, &person.issuer, &person.subject).await?.is_none_or(|now| now.user_id != user.id) {
                return Err(Error::new(Code::InvalidToken));
            }
            store::touch(tx, stored.id, person, ctx.now()).await?;
            return Ok(Found { user: self.sync(tx, ctx, user, person).await?, is_claimed: false });
        }
        let refused = || Error::new(Code::IdentityRefused).with_detail("The provider tells no email address.");
        let email = person.email.as_deref().ok_or_else(refused)?;
        // Where nobody registers with an answer at once, who proved nothing does not learn either who has an account.
        if !person.is_email_verified && self.logins().registration() != Registration::Open {
            return Err(Error::new(Code::IdentityNotLinked));
        }
        match accounts.id_of_email(tx, email).await? {
            None => self.register(tx, ctx, person, email).await,
            Some(user_id) => self.join(tx, ctx, user_id, person).await,
        }
    }

    async fn register(&self, tx: &mut Tx<'_>, ctx: &Ctx, person: &Person, email: &str) -> Result<Found> {
        // Where addresses are proven first, the provider has seen to it, or they would not be here.
        if !matches!(self.logins().registration(), Registration::Open | Registration::VerifyFirst) {
            return Err(Error::new(Code::RegistrationClosed));
        }
        let new =
            NewIdentityAccount { email, is_email_verified: person.is_email_verified, name: person.name.as_deref() };
        let user = self.logins().accounts().insert_for_identity(tx, ctx, &new).await?;
        self.attach(tx, ctx, &user, person).await?;
        Ok(Found { user, is_claimed: false })
    }

    /// To the account that has the address: when the provider and we both know whose it is. One whose address nobody proved
    /// is taken over first, for who is known to own it. One with a second factor is linked by who is logged in alone.
    async fn join(&self, tx: &mut Tx<'_>, ctx: &Ctx, user_id: UserId, person: &Person) -> Result<Found> {
        let accounts = self.logins().accounts();
        let refused = || Error::new(Code::IdentityNotLinked);
        let user = accounts.lock(tx, user_id).await?.filter(User::is_active).ok_or_else(refused)?;
        let has_address = user.email.eq_ignore_ascii_case(person.email.as_deref().unwrap_or_default());
        if !person.is_email_verified || !has_address {
            return Err(refused());
        }
        let is_claimed = !user.email_verified;
        if is_claimed {
            // What administrators gave was for the person they know, which no provider vouches for.
            if !user.roles.is_empty() {
                return Err(refused());
            }
            self.claim(tx, ctx, user_id).await?;
        }
        let user = accounts.find(tx, user_id).await?.ok_or_else(refused)?;
        // The challenge would come after the link: half a log-in must not leave one.
        if user.has_second_factor {
            return Err(refused());
        }
        self.attach(tx, ctx, &user, person).await?;
        self.tell(tx, ctx, &user, person).await?;
        Ok(Found { user: self.sync(tx, ctx, user, person).await?, is_claimed })
    }

    /// Links `person` to the caller's account. Errors: 401; 409 `identity_taken`.
    pub(super) async fn link(&self, tx: &mut Tx<'_>, ctx: &Ctx, user_id: UserId, person: &Person) -> Result<()> {
        hold(tx, person).await?;
        let user = self.logins().accounts().lock(tx, user_id).await?.filter(User::is_active);
        let user = user.ok_or_else(|| Error::new(Code::InvalidToken))?;
        match store::find(tx, &person.issuer, &person.subject).await? {
            Some(stored) if stored.user_id == user_id => Ok(()),
            Some(_) => Err(Error::new(Code::IdentityTaken)),
            None => {
                self.attach(tx, ctx, &user, person).await?;
                self.tell(tx, ctx, &user, person).await
            }
        }
    }

    async fn attach(&self, tx: &mut Tx<'_>, ctx: &Ctx, user: &User, person: &Person) -> Result<()> {
        let id: IdentityId = ctx.new_id();
        store::insert(tx, id, user.id, person, ctx.now()).await?;
        let after = json!({"user_id": user.id, "provider": person.provider});
        audit::record(tx, ctx, Entry::new("identity.linked", "identity", id).after(after)).await
    }

    async fn tell(&self, tx: &mut Tx<'_>, ctx: &Ctx, user: &User, person: &Person) -> Result<()> {
        self.logins().notices().tell(tx, ctx, user, Told::IdentityLinked(&person.provider)).await
    }

    /// The provider's name for someone who has none here.
    async fn sync(&self, tx: &mut Tx<'_>, ctx: &Ctx, user: User, person: &Person) -> Result<User> {
        match &person.name {
            Some(name) if user.name.is_none() => self.logins().accounts().fill_name(tx, ctx, user, name).await,
            _ => Ok(user),
        }
    }
}

/// Two log-ins of one person at once follow one another: the second finds what the first made.
async fn hold(tx: &mut Tx<'_>, person: &Person) -> Result<()> {
    tx.lock(&format!("identity:{} {}", person.issuer, person.subject)).await
}
