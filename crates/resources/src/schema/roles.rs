//! `[roles]` of the app file: which roles there are, and what each permits.
use kernel::{
    Permission, Permissions,
    actor::{ADMIN, is_role},
};
use toml::Table;

use super::{
    model::DeclaredRole,
    reader::{Problem, Reader},
};

/// Characters.
const DESCRIPTION_LENGTH: usize = 500;

/// Reads every `[roles.NAME]`.
pub(super) fn read(table: &Table, problems: &mut Vec<Problem>) -> Vec<DeclaredRole> {
    let mut roles = Vec::new();
    for (name, value) in table {
        let path = format!("roles.{name}");
        let Some(table) = value.as_table() else {
            let fix = format!("write [roles.{name}]");
            problems.push(Problem { is_error: true, key: path, reason: "is not a table".into(), fix });
            continue;
        };
        let mut reader = Reader::new(path, table, problems);
        if !is_role(name) {
            reader.problem("", "this is not a name for a role", "use up to 64 of a-z, 0-9 and _, a letter first");
        }
        roles.push(role(&mut reader, name));
        reader.finish();
    }
    roles
}

fn role(reader: &mut Reader, name: &str) -> DeclaredRole {
    let listed = reader.texts("permissions");
    let permissions = if name == ADMIN {
        if listed.is_some() {
            reader.problem("permissions", "administrators have every permission", "leave it out");
        }
        Permissions::all()
    } else {
        permissions(reader, &listed.unwrap_or_default())
    };
    let description = reader.text("description");
    if description.is_some_and(|text| text.chars().count() > DESCRIPTION_LENGTH) {
        reader.problem("description", format!("is longer than {DESCRIPTION_LENGTH} characters"), "make it shorter");
    }
    DeclaredRole {
        name: name.to_owned(),
        description: description.map(str::to_owned),
        permissions,
        requires_mfa: reader.bool("requires_mfa").unwrap_or(false),
    }
}

fn permissions(reader: &mut Reader, names: &[&str]) -> Permissions {
    let mut permissions = Permissions::NONE;
    for name in names {
        if let Some(permission) = Permission::parse(name) {
            permissions = permissions.and([permission].into_iter().collect());
        } else {
            let known = Permission::ALL.map(Permission::as_str).join(", ");
            reader.problem("permissions", format!("`{name}` is not a permission"), format!("known are {known}"));
        }
    }
    permissions
}
