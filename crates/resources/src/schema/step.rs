//! One change of the declared tables: the same for both engines, and a change of the recorded shapes too.
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{
    shape::{ColumnShape, IndexShape, SearchShape, Shapes, TableShape},
    sound,
};

/// One step of a migration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Step {
    CreateTable { table: String, columns: Vec<ColumnShape> },
    DropTable { table: String },
    RenameTable { table: String, to: String },
    AddColumn { table: String, column: ColumnShape },
    DropColumn { table: String, column: String },
    RenameColumn { table: String, column: String, to: String },
    ChangeColumn { table: String, from: ColumnShape, to: ColumnShape },
    CreateIndex { table: String, index: IndexShape },
    DropIndex { table: String, index: String },
    CreateSearch { table: String, search: SearchShape },
    DropSearch { table: String },
}

impl Step {
    /// The table it changes, by the name it has before.
    pub fn table(&self) -> &str {
        match self {
            Self::CreateTable { table, .. }
            | Self::DropTable { table }
            | Self::RenameTable { table, .. }
            | Self::AddColumn { table, .. }
            | Self::DropColumn { table, .. }
            | Self::RenameColumn { table, .. }
            | Self::ChangeColumn { table, .. }
            | Self::CreateIndex { table, .. }
            | Self::DropIndex { table, .. }
            | Self::CreateSearch { table, .. }
            | Self::DropSearch { table } => table,
        }
    }

    /// Whether data may be lost: it is done only when that is allowed.
    pub fn is_destructive(&self) -> bool {
        match self {
            Self::DropTable { .. } => true,
            // Without deleted rows, which are counted before, it holds nothing.
            Self::DropColumn { column, .. } => column != "deleted_at",
            Self::ChangeColumn { from, to, .. } => {
                from.physical != to.physical && !from.physical.widens_to(to.physical)
            }
            _ => false,
        }
    }

    /// Does to `shapes` what it does to the tables. Errors: it does not fit them, or leads to what cannot be, and why.
    pub(super) fn change(&self, shapes: &mut Shapes) -> Result<(), String> {
        self.change_shapes(shapes)?;
        let table = if let Self::RenameTable { to, .. } = self { to } else { self.table() };
        // Every step becomes SQL by way of here: names it does not find in sound shapes it leaves in them.
        shapes.get(table).map_or(Ok(()), |shape| sound::check(table, shape))
    }

    fn change_shapes(&self, shapes: &mut Shapes) -> Result<(), String> {
        match self {
            Self::CreateTable { table, columns } => {
                let shape = TableShape { columns: columns.clone(), indexes: Vec::new(), search: None };
                match shapes.insert(table.clone(), shape) {
                    None => Ok(()),
                    Some(_) => Err(format!("there is a table {table} already")),
                }
            }
            Self::DropTable { table } => shapes.remove(table).map(|_| ()).ok_or_else(|| no_table(table)),
            Self::RenameTable { table, to } => rename_table(shapes, table, to),
            _ => self.change_table(shapes.get_mut(self.table()).ok_or_else(|| no_table(self.table()))?),
        }
    }

    fn change_table(&self, shape: &mut TableShape) -> Result<(), String> {
        let missing = |name: &String| format!("{} has no {name}", self.table());
        let there = |name: &String| format!("{} has {name} already", self.table());
        let place = |shape: &TableShape, name: &String| shape.columns.iter().position(|column| column.name == *name);
        match self {
            Self::AddColumn { column, .. } => match place(shape, &column.name) {
                Some(_) => return Err(there(&column.name)),
                None => shape.columns.push(column.clone()),
            },
            Self::DropColumn { column, .. } => {
                let found = place(shape, column).ok_or_else(|| missing(column))?;
                shape.columns.remove(found);
            }
            Self::RenameColumn { column, to, .. } => {
                if place(shape, to).is_some() {
                    return Err(there(to));
                }
                let found = place(shape, column).ok_or_else(|| missing(column))?;
                shape.columns[found].name.clone_from(to);
                shape.indexes.iter_mut().for_each(|index| index.rename_column(column, to));
                let searched = shape.search.iter_mut().flat_map(|search| &mut search.columns);
                searched.filter(|name| *name == column).for_each(|name| to.clone_into(name));
            }
            Self::ChangeColumn { from, to, .. } => {
                let found = place(shape, &from.name).ok_or_else(|| missing(&from.name))?;
                if shape.columns[found] != *from || from.name != to.name {
                    return Err(format!("{}.{} is not what it should be before the change", self.table(), from.name));
                }
                shape.columns[found] = to.clone();
            }
            Self::CreateIndex { index, .. } => {
                if shape.indexes.iter().any(|other| other.name == index.name) {
                    return Err(there(&index.name));
                }
                shape.indexes.push(index.clone());
            }
            Self::DropIndex { index, .. } => {
                let found = shape.indexes.iter().position(|other| other.name == *index);
                shape.indexes.remove(found.ok_or_else(|| missing(index))?);
            }
            Self::CreateSearch { search, .. } => match shape.search.replace(search.clone()) {
                None => {}
                Some(_) => return Err(there(&"a search".to_owned())),
            },
            Self::DropSearch { .. } => {
                shape.search.take().ok_or_else(|| missing(&"search".to_owned()))?;
            }
            Self::CreateTable { .. } | Self::DropTable { .. } | Self::RenameTable { .. } => {}
        }
        Ok(())
    }
}

fn no_table(table: &str) -> String {
    format!("there is no table {table}")
}

fn rename_table(shapes: &mut Shapes, table: &str, to: &str) -> Result<(), String> {
    if shapes.contains_key(to) {
        return Err(format!("there is a table {to} already"));
    }
    let shape = shapes.remove(table).ok_or_else(|| no_table(table))?;
    shapes.insert(to.to_owned(), shape);
    let references = shapes.values_mut().flat_map(|shape| &mut shape.columns);
    for reference in references.filter_map(|column| column.reference.as_mut()) {
        if reference.to == table {
            to.clone_into(&mut reference.to);
        }
    }
    Ok(())
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CreateTable { table, .. } => write!(f, "create table {table}"),
            Self::DropTable { table } => write!(f, "drop table {table}"),
            Self::RenameTable { table, to } => write!(f, "rename table {table} to {to}"),
            Self::AddColumn { table, column } => write!(f, "add column {table}.{}", column.name),
            Self::DropColumn { table, column } => write!(f, "drop column {table}.{column}"),
            Self::RenameColumn { table, column, to } => write!(f, "rename column {table}.{column} to {to}"),
            Self::ChangeColumn { table, from, to } => {
                write!(f, "change column {table}.{}: {}", from.name, differences(from, to).join(", "))
            }
            Self::CreateIndex { table, index } => write!(f, "create index {} on {table}", index.name),
            Self::DropIndex { table, index } => write!(f, "drop index {index} on {table}"),
            Self::CreateSearch { table, search } => {
                write!(f, "create search of {table} ({})", search.columns.join(", "))
            }
            Self::DropSearch { table } => write!(f, "drop search of {table}"),
        }
    }
}

/// What differs between two states of a column, in words.
fn differences(from: &ColumnShape, to: &ColumnShape) -> Vec<String> {
    let mut words = Vec::new();
    if from.physical != to.physical {
        words.push(format!("{} to {}", from.physical, to.physical));
    }
    if from.is_nullable != to.is_nullable {
        words.push(if to.is_nullable { "may be null" } else { "is required" }.to_owned());
    }
    if from.default != to.default {
        let default = to.default.as_ref();
        words.push(default.map_or_else(|| "no default".to_owned(), |default| format!("default {default}")));
    }
    if from.fill != to.fill {
        words.push(if to.fill.is_some() { "set to the time" } else { "not set to the time" }.to_owned());
    }
    if from.reference != to.reference {
        let reference = to.reference.as_ref();
        words.push(reference.map_or_else(
            || "refers to nothing".to_owned(),
            |reference| format!("refers to {}, on delete {}", reference.to, reference.on_delete.as_str()),
        ));
    }
    words
}
