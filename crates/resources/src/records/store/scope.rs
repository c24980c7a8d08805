//! `FROM ... WHERE ...`: which records a statement is about.
use kernel::rule::Bound;

use super::{super::Scope, is_of_living_owner, rule, sql::Sql, visible};

/// ` FROM "t" WHERE` the records of `scope`.
pub(super) fn push(sql: &mut Sql, scope: &Scope) {
    sql.push(&format!(" FROM \"{}\" WHERE ", scope.resource.name));
    push_conditions(sql, scope);
}

/// What the records of `scope` satisfy.
pub(super) fn push_conditions(sql: &mut Sql, scope: &Scope) {
    push_access(sql, scope);
    if let Some(filter) = &scope.filter {
        sql.push(" AND ");
        push_rule(sql, scope, filter);
    }
}

/// What they satisfy before the caller's filter.
pub(super) fn push_access(sql: &mut Sql, scope: &Scope) {
    push_rule(sql, scope, &scope.rule);
    let resource = &scope.resource;
    if scope.is_deleted {
        sql.push(&format!(" AND \"{}\".deleted_at IS NOT NULL", resource.name));
        is_of_living_owner(sql, resource, &resource.name);
    } else {
        visible(sql, resource);
    }
}

/// ` CASE WHEN` the rule holds `THEN 1 ELSE 0 END`
pub(super) fn push_flag(sql: &mut Sql, scope: &Scope, rule: &Bound) {
    sql.push("CASE WHEN ");
    push_rule(sql, scope, rule);
    sql.push(" THEN 1 ELSE 0 END");
}

pub(super) fn push_rule(sql: &mut Sql, scope: &Scope, rule: &Bound) {
    rule::push(sql, &scope.declaration, &scope.resource, rule);
}
