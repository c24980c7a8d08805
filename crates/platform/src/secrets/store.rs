//! SQL of the secrets: which master key this database was made with, and the key that outlives it.
use ::store::Tx;
use kernel::{Result, Timestamp};

/// Notes the first master key there is, and says which one is noted.
pub(super) async fn note(tx: &mut Tx<'_>, fingerprint: &[u8], at: Timestamp) -> Result<Vec<u8>> {
    let sql = "INSERT INTO master_key (id, fingerprint, noted_at) VALUES (1, $1, $2) ON CONFLICT (id) DO NOTHING";
    tx.execute(sql, &[fingerprint.to_vec().into(), at.into()]).await?;
    tx.query_one("SELECT fingerprint FROM master_key WHERE id = 1", &[]).await?.get(0)
}

/// The one that is noted.
pub(super) async fn noted(tx: &mut Tx<'_>) -> Result<Option<Vec<u8>>> {
    let row = tx.query_opt("SELECT fingerprint FROM master_key WHERE id = 1", &[]).await?;
    row.map(|row| row.get(0)).transpose()
}

pub(super) async fn replace(tx: &mut Tx<'_>, fingerprint: &[u8], at: Timestamp) -> Result<()> {
    let sql = "UPDATE master_key SET fingerprint = $1, noted_at = $2 WHERE id = 1";
    tx.execute(sql, &[fingerprint.to_vec().into(), at.into()]).await.map(|_| ())
}

/// The stored key, sealed.
pub(super) async fn stored_key(tx: &mut Tx<'_>) -> Result<Option<Vec<u8>>> {
    let row = tx.query_opt("SELECT sealed FROM stored_key WHERE id = 1", &[]).await?;
    row.map(|row| row.get(0)).transpose()
}

pub(super) async fn insert_stored_key(tx: &mut Tx<'_>, sealed: Vec<u8>, at: Timestamp) -> Result<()> {
    let sql = "INSERT INTO stored_key (id, sealed, created_at) VALUES (1, $1, $2)";
    tx.execute(sql, &[sealed.into(), at.into()]).await.map(|_| ())
}

pub(super) async fn reseal_stored_key(tx: &mut Tx<'_>, sealed: Vec<u8>) -> Result<()> {
    tx.execute("UPDATE stored_key SET sealed = $1 WHERE id = 1", &[sealed.into()]).await.map(|_| ())
}
