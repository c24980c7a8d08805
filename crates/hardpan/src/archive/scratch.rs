//! A place to restore into before anything is replaced: a file of SQLite, or a schema of the PostgreSQL database.
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use kernel::{Clock as _, OsRandom, Result, SystemClock, Uuid, id};
use store::{
    Ctx, Db, Options, Source,
    claim::{Claim, claim_schema},
    copy,
};

use super::failed;
use crate::config::make_private_folder;

/// Schemas of this beginning belong to nobody once the command that made them has ended.
const SCHEMA: &str = "hardpan_scratch_";
/// So do folders of this beginning for temporary files, in which the file [`LOCK`] is not locked.
const FOLDER: &str = "hardpan-scratch-";
const LOCK: &str = "lock";

pub(super) struct Scratch {
    pub ctx: Ctx,
    pub place: Place,
}

pub(super) enum Place {
    File(PathBuf),
    Folder(Folder),
    Schema { name: String, home: Ctx, _held: Claim },
}

impl Scratch {
    /// An SQLite database at `path`; what an interrupted one left there goes first.
    pub async fn file(path: PathBuf) -> Result<Self> {
        remove(&path);
        let ctx = open(Options::new(format!("sqlite:{}", path.display()))).await?;
        Ok(Self { ctx, place: Place::File(path) })
    }

    /// An SQLite database in the folder for temporary files, for nobody else's eyes.
    pub async fn temporary() -> Result<Self> {
        let folder = Folder::make(&std::env::temp_dir())?;
        let ctx = open(Options::new(format!("sqlite:{}", folder.path.join("scratch.db").display()))).await?;
        Ok(Self { ctx, place: Place::Folder(folder) })
    }

    /// A schema beside the one that `options` lead to.
    pub async fn schema(options: &Options) -> Result<Self> {
        let home = open(options.clone()).await?;
        copy::drop_abandoned(&home, SCHEMA).await?;
        let name = format!("{SCHEMA}{}", unique().simple());
        let held = claim_schema(options, &name).await?;
        copy::create_schema(&home, &name).await?;
        let ctx = open(Options { schema: Some(name.clone()), ..options.clone() }).await?;
        Ok(Self { ctx, place: Place::Schema { name, home, _held: held } })
    }

    /// Removes it with all that is in it.
    pub async fn discard(self) -> Result<()> {
        self.ctx.db().close().await;
        match self.place {
            Place::File(path) => remove(&path),
            Place::Folder(folder) => drop(folder),
            Place::Schema { name, home, _held } => {
                let dropped = copy::drop_schema(&home, &name).await;
                home.db().close().await;
                return dropped;
            }
        }
        Ok(())
    }
}

fn unique() -> Uuid {
    id::uuid_v7(SystemClock.now(), &OsRandom)
}

/// A folder that is removed when it is dropped, or by the next that is made in the same place.
pub(super) struct Folder {
    path: PathBuf,
    /// Locked.
    _lock: File,
}

impl Folder {
    fn make(parent: &Path) -> Result<Self> {
        let path = parent.join(format!("{FOLDER}{}", unique()));
        make_private_folder(&path)?;
        let lock = || {
            let (early, late) = (path.join("lock.new"), path.join(LOCK));
            let file = File::create_new(&early)?;
            file.lock()?;
            // Whoever sees it under its name sees it locked.
            fs::rename(early, late)?;
            remove_abandoned(parent, &path)?;
            Ok(file)
        };
        let lock = lock().map_err(|error: io::Error| failed("use", &path, error))?;
        Ok(Self { path, _lock: lock })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Removes the folders of the same owner that killed commands have left.
fn remove_abandoned(parent: &Path, own: &Path) -> io::Result<()> {
    let owner = owner(&fs::symlink_metadata(own)?);
    for entry in fs::read_dir(parent)? {
        let entry = entry?;
        if entry.path() == own || !entry.file_name().to_string_lossy().starts_with(FOLDER) {
            continue;
        }
        // Anyone may make one that only looks like it.
        let is_ours = entry.metadata().is_ok_and(|found| found.is_dir() && self::owner(&found) == owner);
        let Some(lock) = is_ours.then(|| File::open(entry.path().join(LOCK))) else { continue };
        if lock.is_ok_and(|lock| lock.try_lock().is_ok()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    Ok(())
}

#[cfg(unix)]
fn owner(folder: &fs::Metadata) -> u32 {
    std::os::unix::fs::MetadataExt::uid(folder)
}

/// Where folders for temporary files are one user's.
#[cfg(not(unix))]
fn owner(_folder: &fs::Metadata) -> u32 {
    0
}

/// A database as the commands use it that copy it whole.
pub async fn open(options: Options) -> Result<Ctx> {
    let db = Db::open(Options { pool_min: 0, ..options }).await?;
    Ok(Source { db, clock: Arc::new(SystemClock), random: Arc::new(OsRandom) }.system("copy"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_left_goes_and_what_is_in_use_stays() {
        let parent = tempfile::tempdir().unwrap();
        let living = Folder::make(parent.path()).unwrap();
        let stale = parent.path().join(format!("{FOLDER}stale"));
        let (stranger, half) = (parent.path().join("hardpan-other"), parent.path().join(format!("{FOLDER}half")));
        for folder in [&stale, &stranger, &half] {
            fs::create_dir(folder).unwrap();
        }
        fs::write(stale.join(LOCK), "").unwrap();
        fs::write(stale.join("scratch.db"), "secret").unwrap();
        fs::write(stranger.join(LOCK), "").unwrap();
        let path = {
            let next = Folder::make(parent.path()).unwrap();
            assert!(!stale.exists(), "left by a killed command");
            assert!(living.path.exists() && stranger.exists() && half.exists());
            #[cfg(unix)]
            {
                let permissions = fs::metadata(&next.path).unwrap().permissions();
                assert_eq!(std::os::unix::fs::PermissionsExt::mode(&permissions) & 0o777, 0o700);
            }
            next.path.clone()
        };
        assert!(!path.exists());
    }
}
