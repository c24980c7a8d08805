//! The rules of a declaration: of its operations and of its fields, each checked against the fields of its resource.
use std::sync::Arc;

use kernel::rule::{self, Rule};
use toml::Table;

use super::{
    model::{Column, Declaration, Operation, Owner, Resource, Rules},
    reader::{Problem, Reader},
};

/// Reads every `access` table and every field's `read` and `write`.
pub(super) fn read(table: &Table, declaration: &mut Declaration, problems: &mut Vec<Problem>) {
    let before = declaration.clone();
    for resource in &mut declaration.resources {
        let Some(table) = table.get(&resource.name).and_then(toml::Value::as_table) else { continue };
        let mut reader = Reader::new(format!("resources.{}", resource.name), table, problems);
        let resource = Arc::make_mut(resource);
        resource.rules = of_operations(&mut reader, &before, resource);
        of_fields(&mut reader, &before, resource);
    }
}

fn of_operations(reader: &mut Reader, declaration: &Declaration, resource: &Resource) -> Rules {
    let admin = "actor.has_role('admin')";
    let own = format!("record.owner_id == actor.id || {admin}");
    let (read, create) = match resource.owner {
        Owner::User => (own.as_str(), "actor.is_authenticated"),
        Owner::None => (admin, admin),
    };
    let default = |operation| if operation == Operation::Create { create } else { read }.to_owned();
    let mut texts = Operation::ALL.map(default);
    if let Some(table) = reader.table("access") {
        texts = reader.nested("access", table, |reader| {
            Operation::ALL
                .map(|operation| reader.text(operation.as_str()).map_or_else(|| default(operation), str::to_owned))
        });
    }
    let [read, create, update, delete] = texts;
    let mut rule = |operation: Operation, text: &str| {
        parse(reader, declaration, resource, &format!("access.{}", operation.as_str()), text)
    };
    Rules {
        read: rule(Operation::Read, &read),
        create: rule(Operation::Create, &create),
        update: rule(Operation::Update, &update),
        delete: rule(Operation::Delete, &delete),
    }
}

fn of_fields(reader: &mut Reader, declaration: &Declaration, resource: &mut Resource) {
    let Some(fields) = reader.table("fields") else { return };
    let mut columns = std::mem::take(&mut resource.columns);
    resource.columns.clone_from(&columns);
    for column in columns.iter_mut().filter(|column| column.is_declared) {
        let Some(field) = fields.get(&column.name).and_then(toml::Value::as_table) else { continue };
        let mut rule = |key: &'static str| {
            let path = format!("fields.{}", column.name);
            let text = reader.nested_text(&path, field, key)?;
            Some(parse(reader, declaration, resource, &format!("{path}.{key}"), text))
        };
        (column.read, column.write) = (rule("read"), rule("write"));
    }
    resource.columns = columns;
}

fn parse(reader: &mut Reader, _declaration: &Declaration, resource: &Resource, key: &str, text: &str) -> Rule {
    Rule::parse(text, &|name| rule_column(&resource.columns, name)).unwrap_or_else(|error| {
        reader.problem(key, error.to_string(), "see the guide to access rules");
        Rule::never()
    })
}

fn rule_column(columns: &[Column], name: &str) -> Option<rule::Column> {
    let index = columns.iter().position(|column| column.name == name)?;
    Some(rule::Column { index, kind: columns.get(index)?.rule_type()? })
}
