//! SQL of the accounts.
use ::store::{FromValue, Row, Tx};
use kernel::{Error, Result, Timestamp, UserId, Uuid, Value};

use super::model::{Credentials, Identifier, State, User, canonical};

/// An account to insert.
pub(super) struct Draft<'d> {
    pub id: UserId,
    pub email: &'d str,
    pub email_verified_at: Option<Timestamp>,
    pub username: Option<&'d str>,
    pub name: Option<&'d str>,
    pub password_hash: Option<&'d str>,
    pub at: Timestamp,
}

pub(super) async fn insert(tx: &mut Tx<'_>, draft: &Draft<'_>) -> Result<()> {
    let sql = "INSERT INTO users (id, email, email_key, email_verified_at, username, username_key, name, password_hash, \
               preferences, state, created_at, updated_at, version) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'active', $10, $10, 1)";
    let params: [Value; 10] = [
        draft.id.into(),
        draft.email.into(),
        canonical(draft.email).into(),
        draft.email_verified_at.into(),
        draft.username.map(str::to_owned).into(),
        draft.username.map(canonical).into(),
        draft.name.map(str::to_owned).into(),
        draft.password_hash.map(str::to_owned).into(),
        Value::Json("{}".to_owned()),
        draft.at.into(),
    ];
    tx.execute(sql, &params).await.map(|_| ())
}

/// An account that is not deleted, still without its roles.
pub(super) async fn get(tx: &mut Tx<'_>, id: UserId) -> Result<Option<User>> {
    let sql = "SELECT id, email, username, name, preferences, state, created_at, updated_at, version, email_verified_at, has_second_factor \
               FROM users WHERE id = $1 AND state <> 'deleted'";
    tx.query_opt(sql, &[id.into()]).await?.as_ref().map(user).transpose()
}

/// The account with this address, still without its roles.
pub(super) async fn get_by_email(tx: &mut Tx<'_>, email: &str) -> Result<Option<User>> {
    let sql = "SELECT id, email, username, name, preferences, state, created_at, updated_at, version, email_verified_at, has_second_factor \
               FROM users WHERE email_key = $1 AND state <> 'deleted'";
    tx.query_opt(sql, &[canonical(email).into()]).await?.as_ref().map(user).transpose()
}

pub(super) async fn set_hash(tx: &mut Tx<'_>, id: UserId, hash: Option<&str>, at: Timestamp) -> Result<()> {
    let sql = "UPDATE users SET password_hash = $2, updated_at = $3 WHERE id = $1";
    tx.execute(sql, &[id.into(), hash.map(str::to_owned).into(), at.into()]).await.map(|_| ())
}

pub(super) async fn set_state(tx: &mut Tx<'_>, id: UserId, state: State, at: Timestamp) -> Result<()> {
    let sql = "UPDATE users SET state = $2, updated_at = $3, version = version + 1 WHERE id = $1";
    tx.execute(sql, &[id.into(), state.as_str().into(), at.into()]).await.map(|_| ())
}

pub(super) async fn verify_email(tx: &mut Tx<'_>, id: UserId, email: &str, at: Timestamp) -> Result<bool> {
    let sql = "UPDATE users SET email_verified_at = $3, updated_at = $3, version = version + 1 \
               WHERE id = $1 AND email_key = $2 AND email_verified_at IS NULL";
    Ok(tx.execute(sql, &[id.into(), canonical(email).into(), at.into()]).await? == 1)
}

pub(super) async fn change_email(tx: &mut Tx<'_>, id: UserId, email: &str, at: Timestamp) -> Result<()> {
    let sql = "UPDATE users SET email = $2, email_key = $3, email_verified_at = $4, updated_at = $4, \
               version = version + 1 WHERE id = $1";
    tx.execute(sql, &[id.into(), email.into(), canonical(email).into(), at.into()]).await.map(|_| ())
}

/// Keeps an address for the account that had it.
pub(super) async fn keep_email(tx: &mut Tx<'_>, email: &str, user_id: UserId, until: Timestamp) -> Result<()> {
    let sql = "INSERT INTO former_emails (email_key, user_id, kept_until) VALUES ($1, $2, $3) \
               ON CONFLICT (email_key) DO UPDATE SET user_id = excluded.user_id, kept_until = excluded.kept_until";
    tx.execute(sql, &[canonical(email).into(), user_id.into(), until.into()]).await.map(|_| ())
}

/// Whether an address is kept for another account than this one.
pub(super) async fn is_kept(tx: &mut Tx<'_>, email: &str, user_id: UserId, now: Timestamp) -> Result<bool> {
    let sql = "SELECT 1 FROM former_emails WHERE email_key = $1 AND user_id <> $2 AND kept_until > $3";
    Ok(tx.query_opt(sql, &[canonical(email).into(), user_id.into(), now.into()]).await?.is_some())
}

/// Frees the addresses that are kept for an account.
pub(super) async fn free_emails(tx: &mut Tx<'_>, user_id: UserId) -> Result<()> {
    tx.execute("DELETE FROM former_emails WHERE user_id = $1", &[user_id.into()]).await.map(|_| ())
}

/// Removes up to `limit` that are kept no longer. It waits for nobody.
pub(super) async fn purge_former(tx: &mut Tx<'_>, now: Timestamp, limit: i64) -> Result<u64> {
    let skip = tx.dialect().skip_locked();
    let sql = format!(
        "DELETE FROM former_emails WHERE email_key IN \
         (SELECT email_key FROM former_emails WHERE kept_until <= $1 ORDER BY kept_until LIMIT $2 {skip})"
    );
    tx.execute(&sql, &[now.into(), limit.into()]).await
}

pub(super) async fn id_of_email(tx: &mut Tx<'_>, email: &str) -> Result<Option<UserId>> {
    let sql = "SELECT id FROM users WHERE email_key = $1";
    tx.query_opt(sql, &[canonical(email).into()]).await?.map(|row| row.get(0)).transpose()
}

/// Accounts below `start`, newest first, still without their roles.
pub(super) async fn list(tx: &mut Tx<'_>, start: Uuid, rows: i64) -> Result<Vec<User>> {
    let sql = "SELECT id, email, username, name, preferences, state, created_at, updated_at, version, email_verified_at, has_second_factor \
               FROM users WHERE id < $1 AND state <> 'deleted' ORDER BY id DESC LIMIT $2";
    tx.query(sql, &[start.into(), rows.into()]).await?.iter().map(user).collect()
}

/// Which of these are accounts that are not deleted.
pub(super) async fn present(tx: &mut Tx<'_>, ids: &[UserId]) -> Result<Vec<UserId>> {
    among(tx, "SELECT id FROM users WHERE state <> 'deleted' AND id IN", ids).await
}

/// Which of these canonical addresses there are.
pub(super) async fn emails_of(tx: &mut Tx<'_>, keys: &[String]) -> Result<Vec<String>> {
    among(tx, "SELECT email_key FROM users WHERE email_key IN", keys).await
}

/// Which of these canonical user names there are.
pub(super) async fn usernames_of(tx: &mut Tx<'_>, keys: &[String]) -> Result<Vec<String>> {
    among(tx, "SELECT username_key FROM users WHERE username_key IN", keys).await
}

/// What `sql` finds among `wanted`, which it ends before.
async fn among<T: Clone + Into<Value> + FromValue>(tx: &mut Tx<'_>, sql: &str, wanted: &[T]) -> Result<Vec<T>> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    // Repeated up to a power of two: few texts of statements, which stay prepared.
    let count = wanted.len().next_power_of_two();
    let params: Vec<Value> = wanted.iter().cycle().take(count).map(|value| value.clone().into()).collect();
    let places: Vec<String> = (1..=params.len()).map(|place| format!("${place}")).collect();
    tx.query(&format!("{sql} ({})", places.join(", ")), &params).await?.iter().map(|row| row.get(0)).collect()
}

/// What a log-in by this name is tried against; accounts that may not log in have nothing.
pub(super) async fn credentials(tx: &mut Tx<'_>, identifier: &Identifier) -> Result<Option<Credentials>> {
    let (sql, name) = match identifier {
        Identifier::Email(email) => {
            ("SELECT id, password_hash FROM users WHERE email_key = $1 AND state = 'active'", email)
        }
        Identifier::Username(username) => {
            ("SELECT id, password_hash FROM users WHERE username_key = $1 AND state = 'active'", username)
        }
    };
    let row = tx.query_opt(sql, &[canonical(name).into()]).await?;
    row.map(|row| Ok(Credentials { user_id: row.get(0)?, password_hash: row.get(1)? })).transpose()
}

pub(super) async fn hash_of(tx: &mut Tx<'_>, id: UserId) -> Result<Option<String>> {
    let sql = "SELECT password_hash FROM users WHERE id = $1 AND state = 'active'";
    Ok(tx.query_opt(sql, &[id.into()]).await?.map(|row| row.get(0)).transpose()?.flatten())
}

/// Whether an active account still has this hash.
pub(super) async fn has_hash(tx: &mut Tx<'_>, id: UserId, password_hash: &str) -> Result<bool> {
    let sql = "SELECT 1 FROM users WHERE id = $1 AND password_hash = $2 AND state = 'active'";
    Ok(tx.query_opt(sql, &[id.into(), password_hash.into()]).await?.is_some())
}

/// Puts `new` in the place of `old`, if it is there still.
pub(super) async fn replace_hash(tx: &mut Tx<'_>, id: UserId, old: &str, new: &str) -> Result<bool> {
    let sql = "UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2";
    Ok(tx.execute(sql, &[id.into(), old.into(), new.into()]).await? == 1)
}

/// Takes the password and the name away, and notes the address as proven.
#[cfg(feature = "oidc")]
pub(super) async fn claim(tx: &mut Tx<'_>, id: UserId, at: Timestamp) -> Result<()> {
    let sql = "UPDATE users SET password_hash = NULL, name = NULL, email_verified_at = $2, updated_at = $2, \
               version = version + 1 WHERE id = $1";
    tx.execute(sql, &[id.into(), at.into()]).await.map(|_| ())
}

/// Writes the profile of `user` and its version, which the caller has raised under the account's lock.
pub(super) async fn update(tx: &mut Tx<'_>, user: &User) -> Result<()> {
    let sql = "UPDATE users SET username = $2, username_key = $3, name = $4, preferences = $5, updated_at = $6, \
               version = $7 WHERE id = $1";
    let params: [Value; 7] = [
        user.id.into(),
        user.username.clone().into(),
        user.username.as_deref().map(canonical).into(),
        user.name.clone().into(),
        (&user.preferences).into(),
        user.updated_at.into(),
        user.version.into(),
    ];
    tx.execute(sql, &params).await.map(|_| ())
}

/// Over the tables of the slices that keep factors, so that what requests read of an account is one row.
pub(super) async fn recount_factors(tx: &mut Tx<'_>, id: UserId) -> Result<()> {
    let sql = "UPDATE users SET has_second_factor = \
               EXISTS (SELECT 1 FROM factors WHERE user_id = $1 AND confirmed_at IS NOT NULL) \
               OR EXISTS (SELECT 1 FROM passkeys WHERE user_id = $1) WHERE id = $1";
    tx.execute(sql, &[id.into()]).await.map(|_| ())
}

/// Leaves a tombstone: the id stays taken, everything personal goes, and the address is free again.
pub(super) async fn erase(tx: &mut Tx<'_>, id: UserId, at: Timestamp) -> Result<()> {
    let sql = "UPDATE users SET email = NULL, email_key = NULL, email_verified_at = NULL, username = NULL, \
               username_key = NULL, name = NULL, password_hash = NULL, preferences = $3, state = 'deleted', deleted_at = $2, updated_at = $2, \
               version = version + 1 WHERE id = $1";
    tx.execute(sql, &[id.into(), at.into(), Value::Json("{}".to_owned())]).await.map(|_| ())
}

fn state(text: &str) -> Result<State> {
    let found = State::ALL.into_iter().find(|state| state.as_str() == text);
    found.ok_or_else(|| Error::internal(format!("an account has the state {text:?}")))
}

fn user(row: &Row) -> Result<User> {
    let preferences: String = row.get(4)?;
    Ok(User {
        id: row.get(0)?,
        email: row.get(1)?,
        email_verified: row.get::<Option<Timestamp>>(9)?.is_some(),
        has_second_factor: row.get(10)?,
        username: row.get(2)?,
        name: row.get(3)?,
        preferences: serde_json::from_str(&preferences).map_err(Error::internal)?,
        roles: Vec::new(),
        state: state(&row.get::<String>(5)?)?,
        created_at: row.get(6)?,
        updated_at: row.get(7)?,
        version: row.get(8)?,
    })
}
