//! Rules for roles: only known ones are given, every change is audited, and the last administrator stays.
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use ::store::{Ctx, Tx};
use kernel::{
    Code, Error, FieldError, Permission, Result, Role, UserId,
    actor::{ADMIN, is_role},
};
use platform::audit::{self, Entry};
use serde_json::json;

use super::store;

/// The roles an account can be given; cheap to clone.
#[derive(Clone)]
pub struct Roles {
    known: Arc<BTreeSet<Role>>,
}

impl Roles {
    /// `admin` and those listed. Errors: internal, for a name that cannot be a role.
    pub fn new(listed: &[String]) -> Result<Self> {
        if let Some(bad) = listed.iter().find(|name| !is_role(name)) {
            let detail = format!("{bad:?} cannot be a role: 1 to 64 of a-z, 0-9 and _, a letter first.");
            return Err(Error::new(Code::Internal).with_detail(detail));
        }
        let known = listed.iter().map(String::as_str).chain([ADMIN]).map(Role::from).collect();
        Ok(Self { known: Arc::new(known) })
    }

    /// `names` as roles, each once. Errors: 422 naming every unknown one.
    pub fn known(&self, names: &[String]) -> Result<BTreeSet<Role>> {
        let is_unknown = |name: &str| !self.known.contains(name);
        let unknown = names.iter().enumerate().filter(|(_, name)| is_unknown(name));
        let errors: Vec<_> = unknown
            .map(|(index, _)| FieldError::new(format!("roles[{index}]"), "unknown_role", "is not a role here"))
            .collect();
        if errors.is_empty() {
            Ok(names.iter().map(|name| Role::from(name.as_str())).collect())
        } else {
            Err(Error::invalid(errors))
        }
    }

    /// The roles of one account, sorted.
    pub(crate) async fn of(&self, tx: &mut Tx<'_>, user_id: UserId) -> Result<Vec<Role>> {
        store::of(tx, user_id).await
    }

    /// The roles of every account from `low` to `high`.
    pub(crate) async fn between(
        &self,
        tx: &mut Tx<'_>,
        low: UserId,
        high: UserId,
    ) -> Result<HashMap<UserId, Vec<Role>>> {
        let mut roles: HashMap<UserId, Vec<Role>> = HashMap::new();
        for (user_id, role) in store::between(tx, low, high).await? {
            roles.entry(user_id).or_default().push(role);
        }
        Ok(roles)
    }

    /// Gives an account exactly `roles`, and says whether that changed anything.
    ///
    /// Errors: 403; 409 `last_administrator`. The caller holds the account's lock.
    pub(crate) async fn assign(
        &self,
        tx: &mut Tx<'_>,
        ctx: &Ctx,
        user_id: UserId,
        roles: &BTreeSet<Role>,
    ) -> Result<bool> {
        ctx.actor.require(Permission::ManageRoles)?;
        self.replace(tx, ctx, user_id, roles).await
    }

    /// Takes every role from an account that is going. Errors: 409 `last_administrator`.
    pub(crate) async fn clear(&self, tx: &mut Tx<'_>, ctx: &Ctx, user_id: UserId) -> Result<()> {
        self.replace(tx, ctx, user_id, &BTreeSet::new()).await.map(|_| ())
    }

    async fn replace(&self, tx: &mut Tx<'_>, ctx: &Ctx, user_id: UserId, roles: &BTreeSet<Role>) -> Result<bool> {
        let held: BTreeSet<Role> = store::of(tx, user_id).await?.into_iter().collect();
        if held.contains(ADMIN) && !roles.contains(ADMIN) {
            keep_an_administrator(tx).await?;
        }
        let (added, removed): (Vec<_>, Vec<_>) = (roles.difference(&held).collect(), held.difference(roles).collect());
        for role in &added {
            store::insert(tx, user_id, role, ctx.now()).await?;
        }
        for role in &removed {
            store::delete(tx, user_id, role).await?;
        }
        for (action, changed) in [("role.assigned", &added), ("role.removed", &removed)] {
            if !changed.is_empty() {
                let entry = Entry::new(action, "user", user_id);
                let entry = entry.before(json!({"roles": names(&held)})).after(json!({"roles": names(roles)}));
                audit::record(tx, ctx, entry).await?;
            }
        }
        Ok(!added.is_empty() || !removed.is_empty())
    }
}

fn names(roles: &BTreeSet<Role>) -> Vec<&str> {
    roles.iter().map(|role| &**role).collect()
}

/// Everyone who takes the role away counts under one lock, so that two administrators cannot remove each other at once.
async fn keep_an_administrator(tx: &mut Tx<'_>) -> Result<()> {
    tx.lock("administrators").await?;
    if store::holders(tx, ADMIN).await? > 1 { Ok(()) } else { Err(Error::new(Code::LastAdministrator)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_roles_are_named_and_doubles_collapse() {
        let roles = Roles::new(&["editor".to_owned()]).unwrap();
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(roles.known(&names(&["editor", "admin", "editor"])).unwrap().len(), 2);
        let error = roles.known(&names(&["admin", "Admin", "reader"])).unwrap_err();
        let fields: Vec<_> = error.fields().iter().map(|field| field.field.as_str()).collect();
        assert_eq!((error.code(), fields), (Code::Invalid, vec!["roles[1]", "roles[2]"]));
    }

    #[test]
    fn names_that_cannot_be_roles_are_refused() {
        assert!(Roles::new(&["Bad Role".to_owned()]).is_err());
    }
}
