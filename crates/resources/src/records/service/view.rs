//! Which fields of a record an actor sees.
use std::sync::Arc;

use ::store::{Ctx, Tx};
use kernel::{Actor, Code, Error, FieldError, Result, rule::Bound};

use super::{
    super::{Record, Shown},
    access::holds,
};
use crate::schema::{Column, Declaration, Resource};

/// What one actor sees of one resource: a [`Sight`] for each column.
#[derive(Clone)]
pub(in crate::records) struct View {
    resource: Arc<Resource>,
    sights: Vec<Sight>,
}

/// Whether a field is seen.
#[derive(Clone)]
pub(in crate::records) enum Sight {
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

    pub const fn resource(&self) -> &Arc<Resource> {
        &self.resource
    }

    pub fn sight(&self, field: usize) -> Option<&Sight> {
        self.sights.get(field)
    }

    /// The field of this name that the query parameter `parameter` names. Errors: 400, the same for what is hidden as for what
    /// is not there.
    pub fn field(&self, parameter: &'static str, name: &str) -> Result<(usize, &Column, &Sight)> {
        let found = self.resource.column(name);
        let found = found.and_then(|(index, column)| Some((index, column, self.sights.get(index)?)));
        found.filter(|(_, _, sight)| !matches!(sight, Sight::Never)).ok_or_else(|| {
            let shown: String = name.chars().take(64).collect();
            let error = FieldError::new(parameter, "invalid", format!("there is no field `{shown}`"));
            Error::new(Code::BadQuery).with_field(error)
        })
    }

    /// The record as the actor sees it.
    pub async fn show(&self, tx: &mut Tx<'_>, declaration: &Declaration, record: Record) -> Result<Shown> {
        let mut is_visible = Vec::with_capacity(self.sights.len());
        for index in 0..self.sights.len() {
            is_visible.push(self.sees(tx, declaration, &record, index).await?);
        }
        Ok(Shown::new(record, is_visible))
    }

    /// Whether the actor sees this field of `record`.
    pub async fn sees(
        &self,
        tx: &mut Tx<'_>,
        declaration: &Declaration,
        record: &Record,
        index: usize,
    ) -> Result<bool> {
        match self.sights.get(index) {
            Some(Sight::Always) => Ok(true),
            Some(Sight::Where(rule)) => holds(tx, declaration, rule, record).await,
            Some(Sight::Never) | None => Ok(false),
        }
    }
}

/// The record as whoever calls sees it.
pub(super) async fn show(tx: &mut Tx<'_>, ctx: &Ctx, declaration: &Declaration, record: Record) -> Result<Shown> {
    View::new(ctx, &record.resource).show(tx, declaration, record).await
}
