//! One's own profile: reading it, and changing it by JSON Merge Patch (RFC 7396).
use ::store::{Ctx, Tx};
use futures_util::FutureExt as _;
use kernel::{
    Code, Error, FieldError, Result, UserId, merge_patch,
    schema::{Field, Kind, Schema},
};
use platform::audit::{self, Entry};
use serde_json::{Map, Value as Json, json};

use super::{
    model::{PREFERENCES_MAX, User, check_username, name_field, username_field},
    service::{Accounts, taken},
    store,
};

impl Accounts {
    /// The caller's account. Errors: 401.
    pub async fn own(&self, ctx: &Ctx) -> Result<User> {
        let user_id = ctx.actor.require_login()?.user_id;
        let accounts = self.clone();
        let found = ctx.read(move |_, tx| async move { accounts.find(tx, user_id).await }.boxed()).await?;
        // The session stood a moment ago: the account was deleted since.
        found.ok_or_else(|| Error::new(Code::InvalidToken))
    }

    /// Changes the caller's name, user name and preferences. `accepts` is asked about the version that would change.
    ///
    /// Errors: 401; 409 `username_taken`; 412; 422.
    pub async fn update_own<F>(&self, ctx: &Ctx, patch: Map<String, Json>, accepts: F) -> Result<User>
    where
        F: FnOnce(i64) -> bool + Send + 'static,
    {
        let user_id = ctx.actor.require_login()?.user_id;
        let patch = Json::Object(patch);
        patch_schema().check(&patch)?;
        let accounts = self.clone();
        ctx.write(move |ctx, tx| async move { accounts.update(tx, &ctx, user_id, patch, accepts).await }.boxed()).await
    }

    async fn update(
        &self,
        tx: &mut Tx<'_>,
        ctx: &Ctx,
        user_id: UserId,
        patch: Json,
        accepts: impl FnOnce(i64) -> bool + Send,
    ) -> Result<User> {
        let old = self.lock(tx, user_id).await?.ok_or_else(|| Error::new(Code::InvalidToken))?;
        if !accepts(old.version) {
            return Err(Error::new(Code::VersionMismatch));
        }
        let mut new = patched(&old, patch)?;
        let changed = changed(&old, &new);
        if changed.is_empty() {
            return Ok(old);
        }
        new.version += 1;
        new.updated_at = ctx.now();
        store::update(tx, &new).await.map_err(taken)?;
        // Names of fields, not what is in them: the trail outlives the person's data.
        let entry = Entry::new("account.updated", "user", user_id);
        let entry = entry.before(json!({"version": old.version}));
        audit::record(tx, ctx, entry.after(json!({"version": new.version, "changed": changed}))).await?;
        Ok(new)
    }
}

/// What may be patched.
pub(super) fn patch_schema() -> Schema {
    let preferences = Field::optional("preferences", Kind::Json { max_bytes: PREFERENCES_MAX });
    let preferences = preferences.nullable().describe("An object; merged into what is there, null empties it");
    Schema::new(vec![name_field().nullable(), username_field().nullable(), preferences])
}

fn patched(old: &User, patch: Json) -> Result<User> {
    let mut new = old.clone();
    let Json::Object(patch) = patch else { return Ok(new) };
    let text = |value: &Json| value.as_str().map(str::to_owned);
    for (field, value) in patch {
        match field.as_str() {
            "name" => new.name = text(&value),
            "username" => {
                new.username = text(&value);
                if let Some(error) = new.username.as_deref().and_then(check_username) {
                    return Err(Error::invalid(vec![error]));
                }
            }
            _ if value.is_null() => new.preferences = json!({}),
            _ => new.preferences = merge_patch(new.preferences, value),
        }
    }
    check_preferences(&new.preferences)?;
    Ok(new)
}

fn check_preferences(preferences: &Json) -> Result<()> {
    let wrong = |code, message: String| Err(Error::invalid(vec![FieldError::new("preferences", code, message)]));
    if !preferences.is_object() {
        return wrong("wrong_type", "must be an object".into());
    }
    match (Kind::Json { max_bytes: PREFERENCES_MAX }).parse(preferences) {
        Ok(_) => Ok(()),
        Err((code, message)) => wrong(code, message),
    }
}

fn changed(old: &User, new: &User) -> Vec<&'static str> {
    let fields = [
        ("name", old.name != new.name),
        ("username", old.username != new.username),
        ("preferences", old.preferences != new.preferences),
    ];
    fields.into_iter().filter(|(_, is_changed)| *is_changed).map(|(name, _)| name).collect()
}
