//! What must be done to the database so that it fits the declaration, or a refusal that says why it cannot be.
use super::{
    model::Declaration,
    shape::{ColumnShape, IndexShape, Shapes, TableShape},
    step::Step,
};

/// The way from the recorded tables to the declared ones.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    pub steps: Vec<Step>,
    /// What cannot be done, and why.
    pub refused: Vec<String>,
    /// What is no longer declared and stays: `documents.colour`.
    pub kept: Vec<String>,
    /// Every table as it will be recorded.
    pub(super) shapes: Shapes,
}

/// What becomes of tables and columns that are no longer declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undeclared {
    /// They stay, unseen.
    Keep,
    /// They are dropped, which is destructive.
    Drop,
}

impl Plan {
    pub(super) fn make(recorded: &Shapes, declaration: &Declaration, undeclared: Undeclared) -> Self {
        let mut plan = Self { shapes: recorded.clone(), ..Self::default() };
        plan.rename(declaration);
        let wanted = declaration.resources.iter().map(|resource| (resource.name.clone(), TableShape::of(resource)));
        let mut wanted: Shapes = wanted.collect();
        if undeclared == Undeclared::Keep {
            plan.keep(&mut wanted);
        }
        plan.drop_indexes(&wanted);
        plan.drop_searches(&wanted);
        plan.create_tables(&wanted);
        plan.change_columns(&wanted);
        plan.drop_tables(&wanted);
        plan.create_indexes(&wanted);
        plan.create_searches(&wanted);
        plan
    }

    /// The way to tables as another database has them recorded, beside those that are here.
    pub(super) fn of_shapes(here: &Shapes, wanted: &Shapes) -> Self {
        let mut plan = Self { shapes: here.clone(), ..Self::default() };
        plan.create_tables(wanted);
        plan.create_indexes(wanted);
        plan
    }

    fn push(&mut self, step: Step) {
        match step.change(&mut self.shapes) {
            Ok(()) => self.steps.push(step),
            // The planner looks before it steps; a defect shows as a refusal.
            Err(why) => self.refused.push(format!("{step}: {why}")),
        }
    }

    fn extend(&mut self, steps: impl IntoIterator<Item = Step>) {
        for step in steps {
            self.push(step);
        }
    }

    /// What the declaration says was called otherwise before.
    fn rename(&mut self, declaration: &Declaration) {
        for resource in &declaration.resources {
            let table = &resource.name;
            if let Some(old) = &resource.renamed_from
                && self.shapes.contains_key(old)
                && !self.shapes.contains_key(table)
            {
                self.push(Step::RenameTable { table: old.clone(), to: table.clone() });
            }
            for column in &resource.columns {
                let Some(old) = &column.renamed_from else { continue };
                let has = |name: &str| self.shapes.get(table).is_some_and(|shape| shape.column(name).is_some());
                if has(old) && !has(&column.name) {
                    let (table, column, to) = (table.clone(), old.clone(), column.name.clone());
                    self.push(Step::RenameColumn { table, column, to });
                }
            }
        }
    }

    /// Adds to `wanted` what is no longer declared and still there; rows must be writable without it, and what it refers to must be
    /// free to go: nobody could take the reference out.
    fn keep(&mut self, wanted: &mut Shapes) {
        for (table, old) in &self.shapes {
            let Some(shape) = wanted.get_mut(table) else {
                let columns = old.columns.iter().map(|column| ColumnShape { reference: None, ..column.clone() });
                wanted.insert(table.clone(), TableShape { columns: columns.collect(), ..old.clone() });
                self.kept.push(table.clone());
                continue;
            };
            for column in &old.columns {
                // Deleted rows would come back unseen: dropped once there are none.
                if shape.column(&column.name).is_some() || column.name == "deleted_at" {
                    continue;
                }
                let is_nullable = column.is_nullable || !column.may_be_left_out();
                shape.columns.push(ColumnShape { is_nullable, reference: None, ..column.clone() });
                self.kept.push(format!("{table}.{}", column.name));
            }
        }
    }

    /// Those that are no longer wanted, and those over columns that change: they are made anew at the end.
    fn drop_indexes(&mut self, wanted: &Shapes) {
        let mut steps = Vec::new();
        for (table, old) in &self.shapes {
            let Some(new) = wanted.get(table) else { continue };
            let is_same = |name: &String| match (old.column(name), new.column(name)) {
                (Some(old), Some(new)) => old.physical == new.physical && old.is_nullable == new.is_nullable,
                _ => false,
            };
            let is_kept = |index: &IndexShape| new.indexes.contains(index) && index.reads().iter().all(is_same);
            let gone = old.indexes.iter().filter(|index| !is_kept(index));
            steps.extend(gone.map(|index| Step::DropIndex { table: table.clone(), index: index.name.clone() }));
        }
        self.extend(steps);
    }

    /// Those that are no longer wanted, and those over columns whose values may change.
    fn drop_searches(&mut self, wanted: &Shapes) {
        let is_kept = |table: &String, old: &TableShape| {
            let Some(new) = wanted.get(table) else { return false };
            let mut columns = old.search.iter().flat_map(|search| &search.columns);
            old.search == new.search && columns.all(|name| old.column(name) == new.column(name))
        };
        let searched = self.shapes.iter().filter(|(_, shape)| shape.search.is_some());
        let gone = searched.filter(|(table, shape)| !is_kept(table, shape));
        let steps: Vec<Step> = gone.map(|(table, _)| Step::DropSearch { table: table.clone() }).collect();
        self.extend(steps);
    }

    /// Tables before those that refer to them; in a circle the nullable references are added last.
    fn create_tables(&mut self, wanted: &Shapes) {
        let mut waiting: Vec<(&String, &TableShape)> =
            wanted.iter().filter(|(table, _)| !self.shapes.contains_key(*table)).collect();
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
            let (later, columns): (Vec<_>, Vec<_>) =
                shape.columns.iter().cloned().partition(|column| is_missing(table, column));
            waiting.remove(next);
            self.push(Step::CreateTable { table: table.clone(), columns });
            deferred.extend(later.into_iter().map(|column| Step::AddColumn { table: table.clone(), column }));
        }
        self.extend(deferred);
    }

    /// Table by table, so that SQLite builds each anew at most once.
    fn change_columns(&mut self, wanted: &Shapes) {
        let mut steps = Vec::new();
        for (table, old) in &self.shapes {
            let Some(new) = wanted.get(table) else { continue };
            let table = || table.clone();
            for to in &new.columns {
                match old.column(&to.name) {
                    None => steps.push(Step::AddColumn { table: table(), column: to.clone() }),
                    Some(from) if from != to => {
                        steps.push(Step::ChangeColumn { table: table(), from: from.clone(), to: to.clone() });
                    }
                    Some(_) => {}
                }
            }
            let gone = old.columns.iter().filter(|column| new.column(&column.name).is_none());
            steps.extend(gone.map(|column| Step::DropColumn { table: table(), column: column.name.clone() }));
        }
        self.extend(steps);
    }

    fn drop_tables(&mut self, wanted: &Shapes) {
        let gone: Vec<String> = self.shapes.keys().filter(|table| !wanted.contains_key(*table)).cloned().collect();
        self.extend(gone.into_iter().map(|table| Step::DropTable { table }));
    }

    fn create_indexes(&mut self, wanted: &Shapes) {
        for (table, shape) in wanted {
            // Nothing more about a table that was refused.
            let Some(there) = self.shapes.get(table).map(|shape| shape.indexes.clone()) else { continue };
            for index in shape.indexes.iter().filter(|index| !there.contains(index)) {
                self.push(Step::CreateIndex { table: table.clone(), index: index.clone() });
            }
        }
    }

    /// Last, so that each is filled from rows as they stay.
    fn create_searches(&mut self, wanted: &Shapes) {
        for (table, shape) in wanted {
            let is_there = self.shapes.get(table).is_some_and(|shape| shape.search.is_some());
            if let Some(search) = shape.search.clone().filter(|_| !is_there) {
                self.push(Step::CreateSearch { table: table.clone(), search });
            }
        }
    }

    /// Refuses the steps that may lose data.
    pub(super) fn refuse_destructive(&mut self) {
        let destructive = self.steps.iter().filter(|step| step.is_destructive());
        self.refused.extend(destructive.map(|step| format!("{step} may lose data; --allow-destructive lets it")));
    }

    pub const fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.refused.is_empty()
    }
}
