//! Rules for invitations: one at a time to an address, no more roles than the inviter may give, and one account by each.
use std::{collections::BTreeSet, sync::Arc};

use ::store::{Ctx, Tx, idempotency::Codec};
use futures_util::FutureExt as _;
use kernel::{Code, Error, InvitationId, Limit, Page as Items, Permission, Result, Role, StepUp, Uuid};
use platform::{
    audit::{self, Entry},
    notifications::{Mailbox, Template},
    single_use::{Purpose, Ticket},
};
use serde_json::json;

use super::{
    model::{Acceptance, Invitation},
    store,
};
use crate::{
    accounts::{Accounts, NewAccount, Prepared, User, canonical},
    cursor::{self, Cursors},
    logins::Logins,
    notices::{Letter, Page},
    passwords::Assurance,
    roles::Roles,
};

const LIST: &str = "invitations";

/// The invitations; cheap to clone.
#[derive(Clone)]
pub struct Invitations(Arc<Inner>);

struct Inner {
    logins: Logins,
    cursors: Cursors,
}

impl Invitations {
    pub(crate) fn new(logins: Logins, cursors: Cursors) -> Self {
        Self(Arc::new(Inner { logins, cursors }))
    }

    /// Mails a link that creates an account with `roles`, whatever the mode of registration. An earlier one to the address ends.
    ///
    /// Errors: 401, also for a log-in that is not fresh; 403, also for a role that the caller may not give; 409 `email_taken`; 422; 429; 503.
    pub async fn create(&self, ctx: &Ctx, email: String, roles: &[String]) -> Result<Invitation> {
        ctx.actor.require(Permission::ManageUsers)?;
        // Of the server and its command line there is no proof.
        if ctx.actor.principal().is_some() {
            ctx.actor.require_fresh(ctx.now(), StepUp::FRESH)?;
        }
        let to = Mailbox::new(None, &email)?;
        let roles = self.accounts().roles().known(roles)?;
        Roles::require_giving(ctx, &roles)?;
        let invitations = self.clone();
        let id = ctx.write_once(ById, move |ctx, tx| {
            async move {
                let invitation = Invitation {
                    id: ctx.new_id(),
                    email,
                    roles: roles.iter().map(ToString::to_string).collect(),
                    invited_by: ctx.actor.user_id(),
                    created_at: ctx.now(),
                    expires_at: ctx.now().plus(Purpose::INVITATION.ttl),
                };
                invitations.replace(tx, &ctx, &invitation).await?;
                invitations.mail(tx, &ctx, to, &invitation).await?;
                let entry = Entry::new("invitation.created", "invitation", invitation.id);
                audit::record(tx, &ctx, entry.after(json!({"roles": invitation.roles}))).await?;
                Ok(invitation.id)
            }
            .boxed()
        });
        let id = id.await?;
        let found = ctx.read(move |_, tx| async move { store::get(tx, id).await }.boxed()).await?;
        found.ok_or_else(|| Error::new(Code::NotFound))
    }

    async fn replace(&self, tx: &mut Tx<'_>, ctx: &Ctx, invitation: &Invitation) -> Result<()> {
        tx.lock(&lock_of(&invitation.email)).await?;
        if self.accounts().by_email(tx, &invitation.email).await?.is_some() {
            return Err(Error::new(Code::EmailTaken));
        }
        let notices = self.0.logins.notices();
        notices.admit(tx, ctx, Purpose::INVITATION.name, &invitation.email).await?;
        if let Some(earlier) = store::delete_to(tx, &invitation.email).await? {
            self.0.logins.single_use().end(tx, Purpose::INVITATION, earlier.uuid()).await?;
        }
        store::insert(tx, invitation).await
    }

    async fn mail(&self, tx: &mut Tx<'_>, ctx: &Ctx, to: Mailbox, invitation: &Invitation) -> Result<()> {
        let inviter = match invitation.invited_by {
            Some(id) => self.accounts().find(tx, id).await?.map(|user| user.name.unwrap_or(user.email)),
            None => None,
        };
        let letter = Letter {
            to,
            template: Template::Invitation,
            page: Page::Invitation,
            purpose: Purpose::INVITATION,
            subject: invitation.id.uuid(),
            user_id: None,
            payload: b"{}",
            values: json!({"inviter": inviter}),
            is_pretence: false,
        };
        self.0.logins.notices().send(tx, ctx, letter).await
    }

    /// Those that can still be accepted, newest first. Errors: 401 and 403; 400 `bad_cursor`.
    pub async fn list(&self, ctx: &Ctx, limit: Limit, after: Option<&str>) -> Result<Items<Invitation>> {
        ctx.actor.require(Permission::ManageUsers)?;
        let start = self.0.cursors.start(LIST, after)?;
        let found = ctx
            .read(move |ctx, tx| async move { store::list(tx, start, ctx.now(), cursor::rows(limit)).await }.boxed());
        Ok(self.0.cursors.page(LIST, found.await?, limit, |invitation| invitation.id.uuid()))
    }

    /// Ends an invitation. Errors: 401 and 403; 404.
    pub async fn withdraw(&self, ctx: &Ctx, id: InvitationId) -> Result<()> {
        ctx.actor.require(Permission::ManageUsers)?;
        let invitations = self.clone();
        ctx.write(move |ctx, tx| {
            async move {
                // The link first, as whoever follows it does.
                invitations.0.logins.single_use().end(tx, Purpose::INVITATION, id.uuid()).await?;
                let found = store::delete(tx, id).await?.filter(|invitation| invitation.expires_at > ctx.now());
                found.ok_or_else(|| Error::new(Code::NotFound))?;
                audit::record(tx, &ctx, Entry::new("invitation.withdrawn", "invitation", id)).await
            }
            .boxed()
        })
        .await
    }

    /// Creates the account that was offered, its address proven by the link. Nobody is logged in by it.
    ///
    /// Errors: 401 `invalid_token`, also when who sent it may not invite so any more; 409 `email_taken` and `username_taken`; 422; 503.
    pub(super) async fn accept(&self, ctx: &Ctx, token: &str, acceptance: Acceptance) -> Result<User> {
        let ticket = Ticket::parse(token).ok_or_else(over)?;
        // Whoever has no link gets no hash computed.
        let invitation = self.peek(ctx, &ticket).await?.ok_or_else(over)?;
        let Acceptance { password, username, name } = acceptance;
        let new = NewAccount { email: invitation.email, password, username, name };
        let password_hash = self.accounts().prepare(ctx, &new).await?;
        let invitations = self.clone();
        let user = ctx.write(move |ctx, tx| {
            async move {
                let (accounts, single_use) = (invitations.accounts(), invitations.0.logins.single_use());
                tx.lock(&lock_of(&new.email)).await?;
                let secret = ticket.secret.expose();
                let taken = single_use.consume(tx, &ctx, Purpose::INVITATION, ticket.subject, secret).await?;
                let deleted = store::delete(tx, InvitationId::from_uuid(ticket.subject)).await?;
                let (Some(_), Some(invitation)) = (taken, deleted) else { return Ok(None) };
                let roles = accounts.roles().still_known(&invitation.roles);
                if !invitations.stands(tx, &invitation, &roles).await? {
                    return Ok(None);
                }
                let prepared = Prepared { is_email_proven: true, ..Prepared::of(&new, &password_hash) };
                let user = accounts.insert(tx, &ctx, &prepared).await?;
                accounts.roles().give(tx, &ctx, user.id, &roles).await?;
                let entry = Entry::new("invitation.accepted", "invitation", invitation.id);
                audit::record(tx, &ctx, entry.after(json!({"user_id": user.id}))).await?;
                Ok(Some(User { roles: roles.into_iter().collect(), ..user }))
            }
            .boxed()
        });
        user.await?.ok_or_else(over)
    }

    async fn peek(&self, ctx: &Ctx, ticket: &Ticket) -> Result<Option<Invitation>> {
        let (single_use, ticket) = (self.0.logins.single_use().clone(), ticket.clone());
        ctx.read(move |ctx, tx| {
            async move {
                if single_use.find(tx, &ctx, Purpose::INVITATION, &ticket).await?.is_none() {
                    return Ok(None);
                }
                store::get(tx, InvitationId::from_uuid(ticket.subject)).await
            }
            .boxed()
        })
        .await
    }

    /// Whether who sent it may still do so: what somebody gave who was shut out since is worth nothing.
    async fn stands(&self, tx: &mut Tx<'_>, invitation: &Invitation, roles: &BTreeSet<Role>) -> Result<bool> {
        let Some(inviter) = invitation.invited_by else { return Ok(true) };
        let inviter = self.accounts().find(tx, inviter).await?.filter(User::is_active);
        Ok(inviter.is_some_and(|inviter| self.accounts().roles().can_invite(inviter.roles, roles)))
    }

    /// Removes those that are over, and says how many. For the server itself. Errors: 403; 503.
    pub(crate) async fn purge(&self, ctx: &Ctx) -> Result<u64> {
        ctx.purge(|ctx, tx, limit| async move { store::purge(tx, ctx.now(), limit).await }.boxed()).await
    }

    pub(super) fn min_length(&self, assurance: Assurance) -> usize {
        self.accounts().passwords().min_length(assurance)
    }

    fn accounts(&self) -> &Accounts {
        self.0.logins.accounts()
    }
}

/// A call that comes again finds the invitation of the first.
#[derive(Clone)]
struct ById;

impl Codec<InvitationId> for ById {
    fn encode(&self, id: &InvitationId) -> Result<Vec<u8>> {
        Ok(id.uuid().as_bytes().to_vec())
    }

    fn decode(&self, bytes: &[u8]) -> Result<InvitationId> {
        Uuid::from_slice(bytes).map(InvitationId::from_uuid).map_err(Error::internal)
    }
}

/// A link that is none, or no more.
fn over() -> Error {
    Error::new(Code::InvalidToken)
}

/// Whoever makes or takes an invitation to an address holds this.
fn lock_of(email: &str) -> String {
    format!("invitation {}", canonical(email))
}
