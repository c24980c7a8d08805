//! Which fields of a record an actor sees, and which of them are asked for.
use std::sync::Arc;

use ::store::{Ctx, Row};
use kernel::{Actor, Code, Error, FieldError, Result, Value, rule::Bound};

use super::{Record, Shown, model::level};
use crate::schema::{Column, Resource, place};

/// What one actor sees of one resource: a [`Sight`] for each column.
#[derive(Clone)]
pub(super) struct View {
    pub resource: Arc<Resource>,
    sights: Vec<Sight>,
}

/// Whether a field is seen.
#[derive(Clone)]
pub(super) enum Sight {
    Always,
    /// There is no such field as far as this actor can tell.
    Never,
    /// In the records for which this holds.
    Where(Bound),
}

impl View {
    pub fn new(ctx: &Ctx, resource: &Arc<Resource>) -> Self {
        let sight = |column: &Column| match (&column.read, &ctx.actor) {
            (None, _) | (_, Actor::System(_)) => Sight::Always,
            (Some(rule), actor) => match rule.bind(actor, ctx.now()) {
                Bound::Const(true) => Sight::Always,
                Bound::Const(false) => Sight::Never,
                rule => Sight::Where(rule),
            },
        };
        Self { resource: Arc::clone(resource), sights: resource.columns.iter().map(sight).collect() }
    }

    pub fn sight(&self, column: usize) -> &Sight {
        self.sights.get(column).unwrap_or(&Sight::Never)
    }

    /// The field of this name, unless it is hidden.
    pub fn find(&self, name: &str) -> Option<(usize, &Column, &Sight)> {
        let (index, column) = self.resource.column(name)?;
        let sight = self.sight(index);
        (!matches!(sight, Sight::Never)).then_some((index, column, sight))
    }

    /// The field that the query parameter `parameter` names. Errors: 400, the same for what is hidden as for what is not there.
    pub fn field(&self, parameter: &'static str, name: &str) -> Result<(usize, &Column, &Sight)> {
        self.find(name).ok_or_else(|| {
            let shown: String = name.chars().take(64).collect();
            bad_query(parameter, format!("there is no field `{shown}`"))
        })
    }

    /// The fields of `title,price`, each named once. Errors: 400.
    pub fn fields(&self, parameter: &'static str, text: &str) -> Result<Vec<usize>> {
        let mut columns = Vec::new();
        for name in text.split(',') {
            let (column, _, _) = self.field(parameter, name)?;
            if columns.contains(&column) {
                return Err(bad_query(parameter, format!("`{name}` is named twice")));
            }
            columns.push(column);
        }
        Ok(columns)
    }
}

/// 400 for what is wrong with a query parameter.
pub(super) fn bad_query(parameter: &'static str, message: impl Into<String>) -> Error {
    Error::new(Code::BadQuery).with_field(FieldError::new(parameter, "invalid", message))
}

/// What is read of each record, and what of that is shown.
#[derive(Clone)]
pub(super) struct Selection {
    pub view: View,
    is_asked: Vec<bool>,
    is_read: Vec<bool>,
}

impl Selection {
    /// Everything the actor sees.
    pub fn all(view: View) -> Self {
        let is_seen: Vec<bool> = view.sights.iter().map(|sight| !matches!(sight, Sight::Never)).collect();
        Self { view, is_asked: is_seen.clone(), is_read: is_seen }
    }

    /// The id and these.
    pub fn only(view: View, columns: &[usize]) -> Self {
        let places = 0..view.sights.len();
        let is_asked: Vec<bool> = places.map(|index| index == place::ID || columns.contains(&index)).collect();
        Self { view, is_read: is_asked.clone(), is_asked }
    }

    /// Reads a column that need not be shown.
    pub fn read_too(&mut self, column: usize) {
        if let Some(is_read) = self.is_read.get_mut(column) {
            *is_read = true;
        }
    }

    /// The columns that are read, with their places.
    pub fn columns(&self) -> impl Iterator<Item = (usize, &Column)> {
        let columns = self.view.resource.columns.iter().enumerate().zip(&self.is_read);
        columns.filter(|(_, is_read)| **is_read).map(|(column, _)| column)
    }

    /// When each column that is read may be seen, where that depends on the record.
    pub fn conditions(&self) -> impl Iterator<Item = (usize, &Bound)> {
        self.columns().filter_map(|(index, _)| match self.view.sight(index) {
            Sight::Where(rule) => Some((index, rule)),
            Sight::Always | Sight::Never => None,
        })
    }

    /// The record of a row that has the value of each of [`columns`](Self::columns), then whether each of
    /// [`conditions`](Self::conditions) holds. Of what is not seen the value is not kept either.
    pub fn shown(&self, row: Row) -> Result<Shown> {
        let resource = &self.view.resource;
        let mut record = Record { resource: Arc::clone(resource), values: vec![Value::Null; resource.columns.len()] };
        let mut is_visible = self.is_asked.clone();
        let mut row = row.into_values().into_iter();
        for ((index, column), value) in self.columns().zip(&mut row) {
            record.set(index, level(value, column)?);
        }
        for ((index, _), holds) in self.conditions().zip(&mut row) {
            if holds != Value::Int(1) {
                record.set(index, Value::Null);
                is_visible.iter_mut().skip(index).take(1).for_each(|is_visible| *is_visible = false);
            }
        }
        // The rank of a search, behind the columns.
        record.values.extend(row);
        Ok(Shown::new(record, is_visible))
    }
}
