//! Looking records up by a declared unique key.
use ::store::Tx;
use kernel::{Result, Uuid, Value};

use super::{sql::Sql, visible};
use crate::schema::Resource;

/// The record whose `columns` hold these values.
pub(in crate::records) async fn find_by_key(
    tx: &mut Tx<'_>,
    resource: &Resource,
    key: &[(usize, Value)],
) -> Result<Option<Uuid>> {
    let mut sql = Sql::new();
    sql.push(&format!("SELECT id FROM \"{}\" WHERE ", resource.name));
    for (nth, (index, value)) in key.iter().enumerate() {
        let name = resource.columns.get(*index).map_or("", |column| column.name.as_str());
        sql.push(if nth == 0 { "" } else { " AND " });
        sql.push(&format!("\"{name}\" = "));
        sql.value(value.clone());
    }
    visible(&mut sql, resource);
    tx.query_opt(&sql.text, &sql.params).await?.map(|row| row.get(0)).transpose()
}
