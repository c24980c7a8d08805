//! `FROM ... WHERE ...`: which records a statement is about.
use ::store::Tx;
use kernel::rule::Bound;

use super::{
    super::{Scope, Search},
    is_of_living_owner, rule,
    sql::Sql,
    visible,
};
use crate::search;

/// ` FROM "t" WHERE` the records of `scope`.
pub(super) fn push(tx: &Tx<'_>, sql: &mut Sql, scope: &Scope) {
    sql.push(&format!(" FROM \"{}\" WHERE ", scope.resource.name));
    push_conditions(tx, sql, scope);
}

/// ` FROM "t" JOIN ... WHERE` the records of `scope`, with the rank of each in what is looked for.
pub(super) fn push_ranked(tx: &Tx<'_>, sql: &mut Sql, scope: &Scope, search: &Search) {
    let table = &scope.resource.name;
    let (before, query, after) = search::ranking(tx.dialect(), table, &search.query, search.fields.as_deref());
    sql.push(&format!(" FROM \"{table}\"{before}"));
    sql.value(query);
    sql.push(&format!("{after} WHERE "));
    push_asked(sql, scope);
}

/// What the records of `scope` satisfy.
pub(super) fn push_conditions(tx: &Tx<'_>, sql: &mut Sql, scope: &Scope) {
    push_asked(sql, scope);
    if let Some(search) = &scope.search {
        let table = &scope.resource.name;
        let (before, query, after) = search::condition(tx.dialect(), table, &search.query, search.fields.as_deref());
        sql.push(&format!(" AND {before}"));
        sql.value(query);
        sql.push(&after);
    }
}

/// What they satisfy but for what is looked for.
fn push_asked(sql: &mut Sql, scope: &Scope) {
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
