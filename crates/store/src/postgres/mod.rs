//! PostgreSQL: placeholder bodies until the engine lands.
use futures_util::future::BoxFuture;
use kernel::{Error, Result, Value};

use crate::{Ctx, Row, db::{Options, Stats}};

#[derive(Clone)]
pub struct Db;

pub struct Tx<'c> {
    _connection: &'c mut (),
}

impl Db {
    pub async fn open(_options: &Options) -> Result<Self> {
        Ok(Self)
    }
    pub async fn write<T, F>(&self, _ctx: Ctx, _body: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'t, 'c> FnOnce(Ctx, &'t mut crate::Tx<'c>) -> BoxFuture<'t, Result<T>> + Send + 'static,
    {
        Err(Error::internal("not built yet"))
    }
    pub async fn read<T, F>(&self, _ctx: Ctx, _body: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'t, 'c> FnOnce(Ctx, &'t mut crate::Tx<'c>) -> BoxFuture<'t, Result<T>> + Send + 'static,
    {
        Err(Error::internal("not built yet"))
    }
    pub async fn ping(&self) -> Result<()> {
        Ok(())
    }
    pub fn stats(&self) -> Stats {
        Stats::default()
    }
    pub fn close(&self) {}
}

impl Tx<'_> {
    pub async fn execute(&mut self, _sql: &str, _params: &[Value]) -> Result<u64> {
        Err(Error::internal("not built yet"))
    }
    pub async fn query(&mut self, _sql: &str, _params: &[Value]) -> Result<Vec<Row>> {
        Err(Error::internal("not built yet"))
    }
}
