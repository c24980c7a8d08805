//! SQL of the signing keys.
use ::store::Tx;
use kernel::{Result, Timestamp};

pub(super) struct Stored {
    pub kid: String,
    pub algorithm: String,
    pub sealed: Vec<u8>,
    pub is_active: bool,
}

pub(super) async fn all(tx: &mut Tx<'_>) -> Result<Vec<Stored>> {
    let sql = "SELECT kid, algorithm, sealed, retired_at FROM signing_keys ORDER BY created_at, kid";
    let rows = tx.query(sql, &[]).await?;
    rows.iter()
        .map(|row| {
            let retired_at: Option<Timestamp> = row.get(3)?;
            let (kid, algorithm, sealed) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok(Stored { kid, algorithm, sealed, is_active: retired_at.is_none() })
        })
        .collect()
}

pub(super) async fn insert(tx: &mut Tx<'_>, kid: &str, algorithm: &str, sealed: Vec<u8>, at: Timestamp) -> Result<()> {
    let sql = "INSERT INTO signing_keys (kid, algorithm, sealed, created_at) VALUES ($1, $2, $3, $4)";
    tx.execute(sql, &[kid.into(), algorithm.into(), sealed.into(), at.into()]).await.map(|_| ())
}

pub(super) async fn reseal(tx: &mut Tx<'_>, kid: &str, sealed: Vec<u8>) -> Result<()> {
    let sql = "UPDATE signing_keys SET sealed = $2 WHERE kid = $1";
    tx.execute(sql, &[kid.into(), sealed.into()]).await.map(|_| ())
}
