//! Rules for roles: only known ones are given, every change is audited, and the last administrator stays.
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use ::store::{Ctx, Tx};
use kernel::{
    Code, Error, FieldError, Page, Permission, Permissions, Result, Role, UserId,
    actor::{ADMIN, is_role},
};
use platform::audit::{self, Entry};
use serde_json::json;

use super::{
    model::{Held, RoleTerms, RoleView, Terms},
    store,
};

/// The roles an account can be given; cheap to clone.
#[derive(Clone)]
pub struct Roles {
    known: Arc<BTreeMap<Role, Terms>>,
}

impl Roles {
    /// `admin` and those listed, each as all that is said of it. Errors: internal, for a name that cannot be a role.
    pub fn new(listed: &[RoleTerms]) -> Result<Self> {
        let admin = Terms { permissions: Permissions::all(), ..Terms::default() };
        let mut known = BTreeMap::from([(Role::from(ADMIN), admin)]);
        for RoleTerms { name, description, permissions, requires_mfa } in listed {
            if !is_role(name) {
                let detail = format!("{name:?} cannot be a role: 1 to 64 of a-z, 0-9 and _, a letter first.");
                return Err(Error::new(Code::Internal).with_detail(detail));
            }
            let terms = known.entry(name.as_str().into()).or_default();
            terms.permissions = terms.permissions.and(*permissions);
            terms.requires_mfa |= requires_mfa;
            terms.description = description.clone().or(terms.description.take());
        }
        Ok(Self { known: Arc::new(known) })
    }

    /// Those that can be given, by name. Errors: 401 and 403.
    pub fn list(&self, ctx: &Ctx) -> Result<Page<RoleView>> {
        ctx.actor.require(Permission::ManageRoles)?;
        let view = |(name, terms): (&Role, &Terms)| RoleView {
            name: name.to_string(),
            description: terms.description.clone(),
            permissions: terms.permissions.names(),
            requires_mfa: terms.requires_mfa,
        };
        Ok(Page { items: self.known.iter().map(view).collect(), next: None })
    }

    /// What `assigned` roles amount to for a credential that proves one factor, or several. A role that is known no more
    /// still counts in rules and permits nothing.
    pub(crate) fn held(&self, assigned: Vec<Role>, is_multi: bool) -> Held {
        let wants_more = |role: &Role| self.known.get(role).is_some_and(|terms| terms.requires_mfa);
        let (held, back): (Vec<_>, Vec<_>) = assigned.into_iter().partition(|role| is_multi || !wants_more(role));
        let permissions = held.iter().map(|role| self.permissions(role)).fold(Permissions::NONE, Permissions::and);
        Held { roles: held.into(), permissions, is_held_back: !back.is_empty() }
    }

    fn permissions(&self, role: &str) -> Permissions {
        self.known.get(role).map_or(Permissions::NONE, |terms| terms.permissions)
    }

    /// `names` as roles, each once. Errors: 422 naming every unknown one.
    pub fn known(&self, names: &[String]) -> Result<BTreeSet<Role>> {
        let is_unknown = |name: &str| !self.known.contains_key(name);
        let unknown = names.iter().enumerate().filter(|(_, name)| is_unknown(name));
        let errors: Vec<_> = unknown
            .map(|(index, name)| {
                FieldError::new(format!("roles[{index}]"), "unknown_role", format!("{name:?} is not a role here"))
            })
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
    /// Errors: 403, also for a role that the caller does not hold; 409 `last_administrator`. The caller holds
    /// the account's lock.
    pub(crate) async fn assign(
        &self,
        tx: &mut Tx<'_>,
        ctx: &Ctx,
        user_id: UserId,
        roles: &BTreeSet<Role>,
    ) -> Result<bool> {
        ctx.actor.require(Permission::ManageRoles)?;
        let held = store::of(tx, user_id).await?.into_iter().collect();
        for role in roles.symmetric_difference(&held) {
            require_holding(ctx, role)?;
        }
        self.replace(tx, ctx, user_id, held, roles).await
    }

    /// Takes every role from an account that is going. Errors: 409 `last_administrator`.
    pub(crate) async fn clear(&self, tx: &mut Tx<'_>, ctx: &Ctx, user_id: UserId) -> Result<()> {
        let held = store::of(tx, user_id).await?.into_iter().collect();
        self.replace(tx, ctx, user_id, held, &BTreeSet::new()).await.map(|_| ())
    }

    /// Errors: 403 unless the caller may give every one of `roles`.
    pub(crate) fn require_giving(ctx: &Ctx, roles: &BTreeSet<Role>) -> Result<()> {
        if roles.is_empty() {
            return Ok(());
        }
        ctx.actor.require(Permission::ManageRoles)?;
        roles.iter().try_for_each(|role| require_holding(ctx, role))
    }

    /// Errors: 403 when one of `roles` permits more than the caller may.
    pub(crate) fn require_power<'r>(&self, ctx: &Ctx, roles: impl IntoIterator<Item = &'r Role>) -> Result<()> {
        roles.into_iter().try_for_each(|role| self.require_power_over(ctx, role))
    }

    /// Lets an account that has `held` be suspended. Errors: 409 `last_administrator`. The caller holds the account's lock.
    pub(crate) async fn require_dispensable(&self, tx: &mut Tx<'_>, user_id: UserId, held: &[Role]) -> Result<()> {
        if held.iter().any(|role| &**role == ADMIN) { require_other_administrator(tx, user_id).await } else { Ok(()) }
    }

    /// Whether someone with the roles `inviters` may invite someone to `roles`.
    pub(crate) fn can_invite(&self, inviters: Vec<Role>, roles: &BTreeSet<Role>) -> bool {
        let held = self.held(inviters, true);
        if held.roles.iter().any(|role| &**role == ADMIN) {
            return true;
        }
        let gives = |role: &Role| held.roles.contains(role);
        held.permissions.contains(Permission::ManageUsers)
            && (roles.is_empty() || held.permissions.contains(Permission::ManageRoles) && roles.iter().all(gives))
    }

    /// Those of `names` that there still are.
    pub(crate) fn still_known(&self, names: &[String]) -> BTreeSet<Role> {
        names.iter().map(|name| Role::from(name.as_str())).filter(|role| self.known.contains_key(role)).collect()
    }

    /// Gives a new account roles that were promised by who might. The caller has seen to that.
    pub(crate) async fn give(&self, tx: &mut Tx<'_>, ctx: &Ctx, user_id: UserId, roles: &BTreeSet<Role>) -> Result<()> {
        self.replace(tx, ctx, user_id, BTreeSet::new(), roles).await.map(|_| ())
    }

    /// Nobody takes anything from someone whose roles permit more than their own.
    fn require_power_over(&self, ctx: &Ctx, role: &Role) -> Result<()> {
        let Some(principal) = ctx.actor.principal() else { return Ok(()) };
        let has_power = &**role != ADMIN && principal.permissions.covers(self.permissions(role));
        if has_power || principal.has_role(ADMIN) {
            return Ok(());
        }
        let detail = format!("The role {role} has permissions that you do not have.");
        Err(Error::new(Code::Forbidden).with_detail(detail))
    }

    async fn replace(
        &self,
        tx: &mut Tx<'_>,
        ctx: &Ctx,
        user_id: UserId,
        held: BTreeSet<Role>,
        roles: &BTreeSet<Role>,
    ) -> Result<bool> {
        if held.contains(ADMIN) && !roles.contains(ADMIN) {
            require_other_administrator(tx, user_id).await?;
        }
        let (added, removed): (Vec<_>, Vec<_>) = (roles.difference(&held).collect(), held.difference(roles).collect());
        for role in &added {
            store::insert(tx, user_id, role, ctx.now()).await?;
        }
        for role in &removed {
            store::delete(tx, user_id, role).await?;
        }
        let entries = [Entry::new("role.assigned", "user", user_id), Entry::new("role.removed", "user", user_id)];
        for (entry, changed) in entries.into_iter().zip([&added, &removed]) {
            if !changed.is_empty() {
                let entry = entry.before(json!({"roles": names(&held)})).after(json!({"roles": names(roles)}));
                audit::record(tx, ctx, entry).await?;
            }
        }
        Ok(!added.is_empty() || !removed.is_empty())
    }
}

/// Nobody gives or takes a role they do not hold: its permissions do not say what rules let its holders do with records, and
/// whoever manages roles must not come by either.
fn require_holding(ctx: &Ctx, role: &Role) -> Result<()> {
    let Some(principal) = ctx.actor.principal() else { return Ok(()) };
    if principal.has_role(role) || principal.has_role(ADMIN) {
        return Ok(());
    }
    Err(Error::new(Code::Forbidden).with_detail(format!("You do not hold the role {role} yourself.")))
}

fn names(roles: &BTreeSet<Role>) -> Vec<&str> {
    roles.iter().map(|role| &**role).collect()
}

/// Everyone who takes the role away, or suspends who has it, looks under one lock, so that two administrators cannot remove each
/// other at once. One that is suspended administers nothing.
async fn require_other_administrator(tx: &mut Tx<'_>, user_id: UserId) -> Result<()> {
    tx.lock("administrators").await?;
    let has_other = store::has_other_holder(tx, ADMIN, user_id).await?;
    if has_other { Ok(()) } else { Err(Error::new(Code::LastAdministrator)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_roles_are_named_and_doubles_collapse() {
        let roles = Roles::new(&[terms("editor")]).unwrap();
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(roles.known(&names(&["editor", "admin", "editor"])).unwrap().len(), 2);
        let error = roles.known(&names(&["admin", "Admin", "reader"])).unwrap_err();
        let fields: Vec<_> = error.fields().iter().map(|field| field.field.as_str()).collect();
        assert_eq!((error.code(), fields), (Code::Invalid, vec!["roles[1]", "roles[2]"]));
    }

    #[test]
    fn names_that_cannot_be_roles_are_refused() {
        assert!(Roles::new(&[terms("Bad Role")]).is_err());
    }

    fn terms(name: &str) -> RoleTerms {
        RoleTerms { name: name.to_owned(), description: None, permissions: Permissions::NONE, requires_mfa: false }
    }

    #[test]
    fn roles_add_up_and_those_that_want_a_second_factor_are_held_with_one() {
        let permissions = |permission| [permission].into_iter().collect::<Permissions>();
        let support = RoleTerms { permissions: permissions(Permission::ReadUsers), ..terms("support") };
        let guard =
            RoleTerms { permissions: permissions(Permission::ManageSessions), requires_mfa: true, ..terms("guard") };
        let strict_admin = RoleTerms { requires_mfa: true, ..terms(ADMIN) };
        let roles = Roles::new(&[support.clone(), terms("support"), guard, strict_admin]).unwrap();
        let assigned = || ["support", "guard", "gone"].map(Role::from).to_vec();
        let weak = roles.held(assigned(), false);
        assert_eq!((&*weak.roles, weak.is_held_back), (&["support", "gone"].map(Role::from)[..], true));
        assert_eq!(weak.permissions, support.permissions);
        let strong = roles.held(assigned(), true);
        assert_eq!((strong.roles.len(), strong.is_held_back), (3, false));
        assert_eq!(strong.permissions, support.permissions.and(permissions(Permission::ManageSessions)));
        assert_eq!(roles.held(vec![ADMIN.into()], false).permissions, Permissions::NONE);
        assert_eq!(roles.held(vec![ADMIN.into()], true).permissions, Permissions::all());
    }
}
