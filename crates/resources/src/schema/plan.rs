//! What must be done to the database so that it fits the declaration: additive steps, or a refusal that says why.
use std::{collections::BTreeMap, fmt};

use super::{
    model::Declaration,
    shape::{ColumnShape, IndexShape, TableShape},
};

/// The way from the recorded tables to the declared ones.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    pub steps: Vec<Step>,
    /// What would lose or change data that is there.
    pub refused: Vec<String>,
    /// Every declared table as it will be recorded.
    pub(super) shapes: BTreeMap<String, TableShape>,
}

/// One additive step.
#[derive(Clone, Debug)]
pub struct Step {
    pub table: String,
    pub(super) change: Change,
}

#[derive(Clone, Debug)]
pub(super) enum Change {
    CreateTable(Vec<ColumnShape>),
    AddColumn(ColumnShape),
    CreateIndex { index: IndexShape, nullable: Vec<String> },
    DropIndex(String),
}

impl Plan {
    pub(super) fn make(recorded: &BTreeMap<String, TableShape>, declaration: &Declaration) -> Self {
        let mut plan = Self::default();
        let wanted: BTreeMap<String, TableShape> =
            declaration.resources.iter().map(|resource| (resource.name.clone(), TableShape::of(resource))).collect();
        plan.create_tables(recorded, &wanted);
        for (table, shape) in wanted {
            let shape = match recorded.get(&table) {
                Some(old) => plan.alter_table(&table, old, shape),
                None => shape,
            };
            plan.shapes.insert(table, shape);
        }
        plan.change_indexes(recorded);
        plan
    }

    /// Tables before those that refer to them; in a circle the nullable references are added last.
    fn create_tables(&mut self, recorded: &BTreeMap<String, TableShape>, wanted: &BTreeMap<String, TableShape>) {
        let mut waiting: Vec<(&String, &TableShape)> =
            wanted.iter().filter(|(table, _)| !recorded.contains_key(*table)).collect();
        let mut deferred = Vec::new();
        while !waiting.is_empty() {
            let is_missing = |table: &String, column: &ColumnShape| {
                let to = column.reference.as_ref().map(|reference| &reference.to);
                to.is_some_and(|to| to != table && waiting.iter().any(|(other, _)| *other == to))
            };
            let is_ready = |(table, shape): &(&String, &TableShape), can_defer: bool| {
                shape.columns.iter().all(|column| !is_missing(table, column) || (can_defer && column.is_nullable))
            };
            let ready = waiting.iter().position(|entry| is_ready(entry, false));
            let Some(next) = ready.or_else(|| waiting.iter().position(|entry| is_ready(entry, true))) else {
                let names: Vec<_> = waiting.iter().map(|(table, _)| table.as_str()).collect();
                self.refused
                    .push(format!("{} refer to each other by required fields; make one optional", names.join(", ")));
                return;
            };
            let (table, shape) = waiting[next];
            let (later, now): (Vec<_>, Vec<_>) =
                shape.columns.iter().cloned().partition(|column| is_missing(table, column));
            waiting.remove(next);
            self.steps.push(Step { table: table.clone(), change: Change::CreateTable(now) });
            deferred.extend(later.into_iter().map(|column| (table.clone(), column)));
        }
        let deferred = deferred.into_iter().map(|(table, column)| Step { table, change: Change::AddColumn(column) });
        self.steps.extend(deferred);
    }

    /// The shape to record: the wanted one, with columns that are no longer declared but still there.
    fn alter_table(&mut self, table: &str, old: &TableShape, mut wanted: TableShape) -> TableShape {
        for column in &wanted.columns {
            match old.column(&column.name) {
                None if column.may_be_left_out() => {
                    self.steps.push(Step { table: table.into(), change: Change::AddColumn(column.clone()) });
                }
                None => self.refuse(
                    table,
                    &column.name,
                    "is new and required, but old rows have no value for it; give it a default",
                ),
                Some(old) if old.physical != column.physical => {
                    self.refuse(table, &column.name, "has another type than before");
                }
                Some(old) if old.is_nullable != column.is_nullable => {
                    self.refuse(table, &column.name, "is required now and was not before, or the other way round");
                }
                Some(old) if old.reference != column.reference => {
                    self.refuse(
                        table,
                        &column.name,
                        "refers to something else than before, or goes with it in another way",
                    );
                }
                Some(_) => {}
            }
        }
        for column in &old.columns {
            if wanted.column(&column.name).is_some() {
                continue;
            }
            if column.name == "deleted_at" {
                self.refuse(table, &column.name, "is no longer soft deleted: its deleted rows would come back");
                continue;
            }
            if column.may_be_left_out() {
                wanted.columns.push(column.clone());
            } else {
                self.refuse(table, &column.name, "is no longer declared, but its column must have a value");
            }
        }
        wanted
    }

    fn change_indexes(&mut self, recorded: &BTreeMap<String, TableShape>) {
        for (table, shape) in &self.shapes {
            let old = recorded.get(table).map_or(&[][..], |shape| &shape.indexes);
            let gone = old.iter().filter(|index| !shape.indexes.contains(index));
            let gone = gone.map(|index| Change::DropIndex(index.name.clone()));
            let new = shape
                .indexes
                .iter()
                .filter(|index| !old.contains(index))
                .map(|index| Change::CreateIndex { index: index.clone(), nullable: nullable_names(shape) });
            let steps: Vec<Step> = gone.chain(new).map(|change| Step { table: table.clone(), change }).collect();
            self.steps.extend(steps);
        }
    }

    fn refuse(&mut self, table: &str, column: &str, reason: &str) {
        self.refused.push(format!("{table}.{column} {reason}"));
    }

    pub const fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.refused.is_empty()
    }
}

fn nullable_names(shape: &TableShape) -> Vec<String> {
    shape.columns.iter().filter(|column| column.is_nullable).map(|column| column.name.clone()).collect()
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = &self.table;
        match &self.change {
            Change::CreateTable(_) => write!(f, "create table {table}"),
            Change::AddColumn(column) => write!(f, "add column {table}.{}", column.name),
            Change::CreateIndex { index, .. } => write!(f, "create index {} on {table}", index.name),
            Change::DropIndex(name) => write!(f, "drop index {name} on {table}"),
        }
    }
}
