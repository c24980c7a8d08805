//! Accounts that come from another program, with the hashes it made.
use std::collections::{BTreeSet, HashSet};

use ::store::{Ctx, Tx};
use futures_util::FutureExt as _;
use kernel::{
    Code, Error, FieldError, Permission, Result, Role,
    schema::{Field, Kind, Schema},
};
use platform::audit::{self, Entry};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::{
    changes,
    model::{canonical, check_username, email_field, name_field, username_field},
    service::Accounts,
    store::{self, Draft},
};
use crate::passwords::Passwords;

/// Longest hash that is looked at, in characters.
const HASH_MAX: usize = 512;

/// What became of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Imported {
    Created,
    /// There is an account with this address; nothing of it was changed.
    Present,
    Refused(Vec<FieldError>),
}

/// The names that a dry run would have taken; it is given from one chunk to the next.
#[derive(Default)]
pub struct Seen {
    emails: HashSet<String>,
    usernames: HashSet<String>,
}

#[derive(Clone, Deserialize)]
struct Row {
    email: String,
    password_hash: String,
    username: Option<String>,
    name: Option<String>,
    email_verified: Option<bool>,
    roles: Option<Vec<String>>,
}

/// A row that is in order by itself.
#[derive(Clone)]
struct Candidate {
    row: Row,
    roles: BTreeSet<Role>,
}

/// What a row may say.
pub fn import_schema() -> Schema {
    let roles = Kind::Array { items: Box::new(Kind::Text { min: 1, max: 64 }), max: 100 };
    Schema::new(vec![
        email_field(),
        Field::required("password_hash", Kind::Text { min: 1, max: HASH_MAX }),
        username_field().nullable(),
        name_field().nullable(),
        Field::optional("email_verified", Kind::Bool).nullable(),
        Field::optional("roles", roles).nullable(),
    ])
}

impl Accounts {
    /// Creates the accounts of `rows` in one transaction, each with its verdict; what cannot be taken does not stop the rest. With
    /// `dry` nothing is written.
    ///
    /// Errors: 401 and 403; 503, and then nothing of these rows is written.
    pub async fn import(
        &self,
        ctx: &Ctx,
        rows: Vec<Map<String, Json>>,
        dry: Option<&mut Seen>,
    ) -> Result<Vec<Imported>> {
        ctx.actor.require(Permission::ManageUsers)?;
        let candidates: Vec<_> = rows.into_iter().map(|row| self.candidate(row)).collect();
        let Some(seen) = dry else { return self.write(ctx, candidates).await };
        let given = std::mem::take(seen);
        let accounts = self.clone();
        let judged = ctx.read(move |ctx, tx| {
            async move {
                let mut run = Run { accounts: &accounts, ctx: &ctx, is_dry: true, seen: given };
                let verdicts = run.take(tx, &candidates).await?;
                Ok((verdicts, run.seen))
            }
            .boxed()
        });
        let (verdicts, next) = judged.await?;
        *seen = next;
        Ok(verdicts)
    }

    async fn write(&self, ctx: &Ctx, candidates: Vec<Result<Candidate, Vec<FieldError>>>) -> Result<Vec<Imported>> {
        let chunk = |candidates: Vec<_>| {
            let accounts = self.clone();
            ctx.write_retried(move |ctx, tx| {
                async move {
                    Run { accounts: &accounts, ctx: &ctx, is_dry: false, seen: Seen::default() }
                        .take(tx, &candidates)
                        .await
                }
                .boxed()
            })
        };
        match chunk(candidates.clone()).await {
            Err(error) if is_taken(&error) => {}
            answer => return answer,
        }
        // Someone registered meanwhile with one of these names.
        let mut verdicts = Vec::with_capacity(candidates.len());
        for candidate in candidates {
            match chunk(vec![candidate]).await {
                Err(error) if is_taken(&error) => verdicts.push(Imported::Present),
                answer => verdicts.extend(answer?),
            }
        }
        Ok(verdicts)
    }

    fn candidate(&self, row: Map<String, Json>) -> Result<Candidate, Vec<FieldError>> {
        let row = Json::Object(row);
        let fields = |error: Error| error.fields().to_vec();
        import_schema().check(&row).map_err(fields)?;
        let row: Row =
            serde_json::from_value(row).map_err(|error| vec![FieldError::new("", "malformed", error.to_string())])?;
        let mut errors: Vec<_> = row.username.as_deref().and_then(check_username).into_iter().collect();
        let roles = self.roles().known(row.roles.as_deref().unwrap_or_default());
        let password_hash = Passwords::adopt(&row.password_hash);
        if password_hash.is_none() {
            errors.push(FieldError::new(
                "password_hash",
                "unknown_hash",
                "is of no known format, or costs too much to try",
            ));
        }
        match (roles, password_hash) {
            (Ok(roles), Some(password_hash)) if errors.is_empty() => {
                Ok(Candidate { row: Row { password_hash, ..row }, roles })
            }
            (roles, _) => {
                errors.extend(roles.err().map(fields).unwrap_or_default());
                Err(errors)
            }
        }
    }
}

/// One transaction of an import.
struct Run<'r> {
    accounts: &'r Accounts,
    ctx: &'r Ctx,
    is_dry: bool,
    seen: Seen,
}

impl Run<'_> {
    async fn take(
        &mut self,
        tx: &mut Tx<'_>,
        candidates: &[Result<Candidate, Vec<FieldError>>],
    ) -> Result<Vec<Imported>> {
        let good = || candidates.iter().filter_map(|candidate| candidate.as_ref().ok());
        let emails: Vec<String> = good().map(|good| canonical(&good.row.email)).collect();
        let usernames: Vec<String> = good().filter_map(|good| good.row.username.as_deref().map(canonical)).collect();
        self.seen.emails.extend(store::emails_of(tx, &emails).await?);
        self.seen.usernames.extend(store::usernames_of(tx, &usernames).await?);
        let mut verdicts = Vec::with_capacity(candidates.len());
        for candidate in candidates {
            verdicts.push(match candidate {
                Ok(candidate) => self.judge(tx, candidate).await?,
                Err(errors) => Imported::Refused(errors.clone()),
            });
        }
        Ok(verdicts)
    }

    async fn judge(&mut self, tx: &mut Tx<'_>, candidate: &Candidate) -> Result<Imported> {
        let row = &candidate.row;
        let email = canonical(&row.email);
        if self.seen.emails.contains(&email) {
            return Ok(Imported::Present);
        }
        if let Some(username) = row.username.as_deref().map(canonical)
            && !self.seen.usernames.insert(username)
        {
            let error = FieldError::new("username", "taken", "belongs to another account");
            return Ok(Imported::Refused(vec![error]));
        }
        self.seen.emails.insert(email);
        if !self.is_dry {
            self.insert(tx, candidate).await?;
        }
        Ok(Imported::Created)
    }

    async fn insert(&self, tx: &mut Tx<'_>, Candidate { row, roles }: &Candidate) -> Result<()> {
        let (ctx, id) = (self.ctx, self.ctx.new_id::<kernel::id::User>());
        let is_verified = row.email_verified == Some(true);
        let draft = Draft {
            id,
            email: &row.email,
            email_verified_at: is_verified.then(|| ctx.now()),
            username: row.username.as_deref(),
            name: row.name.as_deref(),
            password_hash: Some(&row.password_hash),
            at: ctx.now(),
        };
        changes::insert(tx, &draft).await?;
        let entry = Entry::new("account.imported", "user", id);
        audit::record(tx, ctx, entry.after(json!({"version": 1, "email_verified": is_verified}))).await?;
        if !roles.is_empty() {
            self.accounts.roles().assign(tx, ctx, id, roles).await?;
        }
        Ok(())
    }
}

fn is_taken(error: &Error) -> bool {
    matches!(error.code(), Code::EmailTaken | Code::UsernameTaken)
}
