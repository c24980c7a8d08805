//! The rules of a declaration: of its operations and of its fields, each checked against the fields of its resource.
use std::sync::Arc;

use kernel::rule::{self, Rule, Scope};
use toml::Table;

use super::{
    model::{Declaration, Operation, Owner, Resource, Rules},
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
    check_searched(reader, resource, fields);
}

/// An index cannot look at each record to see whether a word may be found in it.
fn check_searched(reader: &mut Reader, resource: &Resource, fields: &Table) {
    for column in resource.search.iter().filter_map(|place| resource.columns.get(*place)) {
        let rule = fields.get(&column.name).and_then(|field| field.get("read")?.as_str());
        // Without fields only rules about the actor alone are understood.
        if column.read.is_some() && rule.is_some_and(|rule| Rule::parse(rule, &|_: &str| None).is_err()) {
            let reason = "a field that is searched is shown by the actor alone, not by what is in the record";
            reader.problem(&format!("fields.{}.read", column.name), reason, "leave `record` out, or do not search it");
        }
    }
}

/// What only memory can answer is for rules that lists do not ask.
fn parse(reader: &mut Reader, declaration: &Declaration, resource: &Resource, key: &str, text: &str) -> Rule {
    let scope = Fields { declaration, resource };
    let is_in_memory = ["create", "update", "write"].iter().any(|name| key.ends_with(&format!(".{name}")));
    let rule = if is_in_memory { Rule::parse_in_memory(text, &scope) } else { Rule::parse(text, &scope) };
    rule.unwrap_or_else(|error| {
        reader.problem(key, error.to_string(), "see docs/expressions.md");
        Rule::never()
    })
}

/// What rules of a resource may read.
struct Fields<'a> {
    declaration: &'a Declaration,
    resource: &'a Resource,
}

impl Scope for Fields<'_> {
    fn column(&self, name: &str) -> Option<rule::Column> {
        self.resource.rule_column(name)
    }

    fn related(&self, column: usize) -> Option<Box<dyn Scope + '_>> {
        let resource = self.declaration.target(self.resource, column)?;
        Some(Box::new(Fields { declaration: self.declaration, resource }))
    }

    fn roles(&self) -> Option<Vec<&str>> {
        self.declaration.declared_roles()
    }
}
