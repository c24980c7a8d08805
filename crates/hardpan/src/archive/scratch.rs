//! A place to restore into before anything is replaced: a file of SQLite, or a schema of the PostgreSQL database.
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use kernel::{OsRandom, Result, SystemClock, id};
use store::{
    Ctx, Db, Options, Source,
    copy::{create_schema, drop_schema, drop_schemas},
};

/// Schemas of this beginning belong to nobody once the command that made them has ended.
const PREFIX: &str = "hardpan_scratch_";

pub(super) struct Scratch {
    pub ctx: Ctx,
    pub place: Place,
}

pub(super) enum Place {
    File(PathBuf),
    Schema { name: String, home: Ctx },
}

impl Scratch {
    /// An SQLite database at `path`; what an interrupted one left there goes first.
    pub async fn file(path: PathBuf) -> Result<Self> {
        remove(&path);
        let ctx = open(Options::new(format!("sqlite:{}", path.display()))).await?;
        Ok(Self { ctx, place: Place::File(path) })
    }

    /// An SQLite database in the folder for temporary files.
    pub async fn temporary() -> Result<Self> {
        let name = format!("hardpan-{}", id::uuid_v7(kernel::Clock::now(&SystemClock), &OsRandom));
        Self::file(std::env::temp_dir().join(name).join("scratch.db")).await
    }

    /// A schema beside the one that `options` lead to.
    pub async fn schema(options: &Options) -> Result<Self> {
        let home = open(Options { pool_min: 0, ..options.clone() }).await?;
        let name = format!("{PREFIX}{}", id::uuid_v7(kernel::Clock::now(&SystemClock), &OsRandom).simple());
        create_schema(&home, &name).await?;
        let ctx = open(Options { pool_min: 0, schema: Some(name.clone()), ..options.clone() }).await?;
        Ok(Self { ctx, place: Place::Schema { name, home } })
    }

    /// Drops the schemas that interrupted commands have left. Only for who has the database alone.
    pub async fn clean_up(options: &Options) -> Result<()> {
        let home = open(Options { pool_min: 0, ..options.clone() }).await?;
        let dropped = drop_schemas(&home, PREFIX).await;
        home.db().close().await;
        dropped
    }

    /// Removes it with all that is in it.
    pub async fn discard(self) -> Result<()> {
        self.ctx.db().close().await;
        match self.place {
            Place::File(path) => {
                remove(&path);
                if let Some(folder) = path.parent().filter(|folder| folder.starts_with(std::env::temp_dir())) {
                    // Empty now, if it was made for this alone.
                    let _ = fs::remove_dir(folder);
                }
                Ok(())
            }
            Place::Schema { name, home } => {
                let dropped = drop_schema(&home, &name).await;
                home.db().close().await;
                dropped
            }
        }
    }
}

pub(super) async fn open(options: Options) -> Result<Ctx> {
    let db = Db::open(options).await?;
    Ok(Source { db, clock: Arc::new(SystemClock), random: Arc::new(OsRandom) }.system("restore"))
}

/// The file and what SQLite keeps beside it.
fn remove(path: &Path) {
    for ending in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(beside(path, ending));
    }
}

/// `path` with something after its name.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}
