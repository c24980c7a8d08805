//! Rules for single-use things: what is shown is never stored, and one statement decides who used it.
use std::sync::Arc;

use ::store::{Ctx, Tx};
use futures_util::FutureExt as _;
use kernel::{Random, Result, Secret, Timestamp, UserId, Uuid};

use super::{
    model::{Issue, Purpose, Ticket},
    store::{self, New, Tried},
};
use crate::secrets::{Keyring, MacKey};

/// Rows one transaction seals anew.
const CHUNK: i64 = 500;
const SEALED: &str = "single_use";

/// Issues and takes single-use things; cheap to clone.
#[derive(Clone)]
pub struct SingleUse(Arc<Inner>);

struct Inner {
    keyring: Keyring,
    mac: MacKey,
}

impl SingleUse {
    /// `mac` finds what was issued: it stays what it is when the master key is changed.
    pub fn new(keyring: &Keyring, mac: MacKey) -> Self {
        Self(Arc::new(Inner { keyring: keyring.clone(), mac }))
    }

    /// Issues something with a number and a secret of its own, for links and challenges.
    pub async fn issue(&self, tx: &mut Tx<'_>, ctx: &Ctx, issue: Issue<'_>) -> Result<Ticket> {
        let ticket = new_ticket(ctx.random());
        self.put(tx, ctx, &issue, ticket.subject, ticket.secret.expose()).await?;
        Ok(ticket)
    }

    /// Issues something about `subject`, of which there is one at a time for a purpose: an earlier one ends. For codes that people type,
    /// with the request they belong to as the subject, and for links about an account.
    pub async fn issue_about(
        &self,
        tx: &mut Tx<'_>,
        ctx: &Ctx,
        issue: Issue<'_>,
        subject: Uuid,
        secret: &[u8],
    ) -> Result<()> {
        self.put(tx, ctx, &issue, subject, secret).await
    }

    async fn put(&self, tx: &mut Tx<'_>, ctx: &Ctx, issue: &Issue<'_>, subject: Uuid, secret: &[u8]) -> Result<()> {
        let Issue { purpose, user_id, payload } = *issue;
        let sealed = self.0.keyring.seal(ctx.random(), SEALED, &aad(purpose, subject), payload)?;
        let new = New {
            purpose: purpose.name,
            subject,
            digest: &self.digest(purpose, subject, secret),
            payload: sealed,
            user_id,
            attempts: purpose.attempts.into(),
            created_at: ctx.now(),
            expires_at: ctx.now().plus(purpose.ttl),
        };
        store::put(tx, new).await
    }

    /// Uses it up: of any number that come at once, one gets the payload. A wrong secret counts against it, so commit also when nothing
    /// came back: return it from the transaction, do not fail with it.
    pub async fn consume(
        &self,
        tx: &mut Tx<'_>,
        ctx: &Ctx,
        purpose: Purpose,
        subject: Uuid,
        secret: &[u8],
    ) -> Result<Option<Secret<Vec<u8>>>> {
        let digest = self.digest(purpose, subject, secret);
        let tried = store::consume(tx, purpose.name, subject, &digest, ctx.now()).await?;
        self.open(purpose, subject, tried)
    }

    /// Counts a try without using it up: for a challenge, which ends when one of its answers is right. Holds it until the transaction
    /// ends; commit it whatever the answer is, and [`SingleUse::end`] it when that was right.
    pub async fn attempt(
        &self,
        tx: &mut Tx<'_>,
        ctx: &Ctx,
        purpose: Purpose,
        ticket: &Ticket,
    ) -> Result<Option<Secret<Vec<u8>>>> {
        let digest = self.digest(purpose, ticket.subject, ticket.secret.expose());
        let tried = store::attempt(tx, purpose.name, ticket.subject, &digest, ctx.now()).await?;
        self.open(purpose, ticket.subject, tried)
    }

    /// What is alive, without counting a try: only for secrets too long to guess.
    pub async fn find(
        &self,
        tx: &mut Tx<'_>,
        ctx: &Ctx,
        purpose: Purpose,
        ticket: &Ticket,
    ) -> Result<Option<Secret<Vec<u8>>>> {
        let digest = self.digest(purpose, ticket.subject, ticket.secret.expose());
        let tried = store::find(tx, purpose.name, ticket.subject, &digest, ctx.now()).await?;
        self.open(purpose, ticket.subject, tried)
    }

    /// Ends it. Returns whether it was there.
    pub async fn end(&self, tx: &mut Tx<'_>, purpose: Purpose, subject: Uuid) -> Result<bool> {
        store::delete(tx, purpose.name, subject).await
    }

    /// Ends all that belongs to an account, in the transaction that changes its credentials, but for [`Purpose::UNDO_EMAIL`].
    pub async fn end_all_of(&self, tx: &mut Tx<'_>, user_id: UserId) -> Result<()> {
        store::delete_of_user(tx, user_id, Purpose::UNDO_EMAIL.name).await
    }

    /// Ends what an account has of one purpose, as far as it was issued at `since` or later.
    pub async fn end_since(&self, tx: &mut Tx<'_>, purpose: Purpose, user_id: UserId, since: Timestamp) -> Result<()> {
        store::delete_since(tx, purpose.name, user_id, since).await
    }

    /// Removes what is over, and says how much. For the server itself. Errors: 403; 503.
    pub async fn purge(&self, ctx: &Ctx) -> Result<u64> {
        ctx.purge(|ctx, tx, limit| async move { store::purge(tx, ctx.now(), limit).await }.boxed()).await
    }

    fn open(&self, purpose: Purpose, subject: Uuid, tried: Option<Tried>) -> Result<Option<Secret<Vec<u8>>>> {
        let right = tried.filter(|tried| tried.is_right);
        right.map(|tried| self.0.keyring.open(SEALED, &aad(purpose, subject), &tried.payload)).transpose()
    }

    /// Keyed, so that a copy of the database does not tell six digits.
    fn digest(&self, purpose: Purpose, subject: Uuid, secret: &[u8]) -> [u8; 32] {
        self.0.mac.sign(&[&aad(purpose, subject), secret].concat())
    }
}

/// Seals under the current master key what was issued under the previous one, before that one is forgotten.
pub async fn rewrap(ctx: &Ctx, keyring: &Keyring) -> Result<()> {
    let mut last = (String::new(), Uuid::nil());
    loop {
        let keyring = keyring.clone();
        let chunk = ctx.write(move |ctx, tx| rewrap_chunk(keyring, last, ctx, tx).boxed()).await?;
        let Some(next) = chunk else { return Ok(()) };
        last = next;
    }
}

async fn rewrap_chunk(
    keyring: Keyring,
    last: (String, Uuid),
    ctx: Ctx,
    tx: &mut Tx<'_>,
) -> Result<Option<(String, Uuid)>> {
    let rows = store::after(tx, &last.0, last.1, CHUNK).await?;
    let next = rows.last().map(|(purpose, subject, _)| (purpose.clone(), *subject));
    for (purpose, subject, sealed) in rows {
        match keyring.renew(ctx.random(), SEALED, &bound(&purpose, subject), &sealed) {
            Ok(None) => {}
            Ok(Some(renewed)) => store::reseal(tx, &purpose, subject, sealed, renewed).await?,
            // It is under a key that is not here any more, and must not keep the server from starting.
            Err(error) => tracing::error!(?error, purpose, "a single-use thing cannot be opened and stays as it is"),
        }
    }
    Ok(next)
}

/// A name never holds a NUL and a subject has sixteen bytes, so the parts cannot run into each other.
fn aad(purpose: Purpose, subject: Uuid) -> Vec<u8> {
    bound(purpose.name, subject)
}

fn bound(purpose: &str, subject: Uuid) -> Vec<u8> {
    [purpose.as_bytes(), &[0], subject.as_bytes()].concat()
}

fn new_ticket(random: &dyn Random) -> Ticket {
    let mut subject = [0; 16];
    random.fill(&mut subject);
    Ticket::about(Uuid::from_bytes(subject), random)
}
