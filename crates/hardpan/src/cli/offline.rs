//! Commands that work on the app's database without serving it.
use std::sync::Arc;

use identity::Identity;
use kernel::{OsRandom, SystemClock};
use store::Ctx;

use super::{Failure, Outcome};
use crate::{
    assemble::{self, Foundation},
    config::Loaded,
    runtime,
};

/// Opens the database for `work`, and closes it.
pub fn with_database(loaded: Loaded, work: impl AsyncFnOnce(&Foundation) -> Outcome) -> Outcome {
    let (declaration, findings) = assemble::declare(&loaded);
    let (config, _) = loaded.ready(findings).map_err(Failure::Refused)?;
    runtime::single_threaded()?.block_on(async {
        let foundation = assemble::open(config, declaration, Arc::new(SystemClock), Arc::new(OsRandom)).await?;
        let outcome = work(&foundation).await;
        foundation.source.db.close().await;
        outcome
    })
}

/// The same with its tables in order, for work on accounts.
pub fn with_identity(loaded: Loaded, work: impl AsyncFnOnce(&Ctx, &Identity) -> Outcome) -> Outcome {
    with_database(loaded, async |foundation| {
        foundation.prepare().await?;
        let identity = foundation.identity(&foundation.records()?).await?;
        work(&foundation.source.system("cli"), &identity).await
    })
}
