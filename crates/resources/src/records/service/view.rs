//! Records as an actor sees them.
use ::store::Tx;
use kernel::Result;

use super::{
    super::{Record, Shown, Sight, View},
    access::holds,
};
use crate::schema::Declaration;

impl View {
    /// The record as the actor sees it.
    pub async fn show(&self, tx: &mut Tx<'_>, declaration: &Declaration, record: Record) -> Result<Shown> {
        let mut is_visible = Vec::with_capacity(record.values.len());
        for index in 0..record.values.len() {
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
        match self.sight(index) {
            Sight::Always => Ok(true),
            Sight::Where(rule) => holds(tx, declaration, rule, record).await,
            Sight::Never => Ok(false),
        }
    }
}
