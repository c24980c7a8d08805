//! The exchange of a database for another: at every moment one of them is there, whole.
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use kernel::{Result, Timestamp};
use store::Options;

use super::{
    failed,
    scratch::{beside, open},
    writer::sync_folder_of,
};

/// Puts the closed SQLite database `new` in the place of `target`, which is kept under the name that is returned.
pub(super) async fn swap_file(new: &Path, target: &Path, at: Timestamp) -> Result<Option<PathBuf>> {
    let kept = if target.exists() { Some(keep(target, at).await?) } else { None };
    let exchanged = File::open(new)
        .and_then(|file| file.sync_all())
        .and_then(|()| fs::rename(new, target))
        .and_then(|()| sync_folder_of(target));
    exchanged.map_err(|error| failed("replace", target, error))?;
    Ok(kept)
}

/// Gives the database a second name. After this nothing of it lies beside it that the next database could take for its own.
async fn keep(target: &Path, at: Timestamp) -> Result<PathBuf> {
    // Whoever opens a database last and closes it moves the WAL into it. One that is damaged may not let that happen.
    if let Ok(ctx) = open(Options::new(format!("sqlite:{}", target.display()))).await {
        ctx.db().close().await;
    }
    let kept = beside(target, &format!(".before-restore-{}", stamp(at)));
    let kept_whole = || -> io::Result<()> {
        match fs::hard_link(target, &kept) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error),
            Err(_) => {
                fs::copy(target, &kept)?;
                File::open(&kept)?.sync_all()?;
            }
        }
        match fs::rename(beside(target, "-wal"), beside(&kept, "-wal")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let _ = fs::remove_file(beside(target, "-shm"));
        sync_folder_of(target)
    };
    kept_whole().map_err(|error| failed("keep", target, error))?;
    Ok(kept)
}

/// `20261121t090000000001z`, to the microsecond: good in the name of a file and of a schema, and another one each time.
pub(super) fn stamp(at: Timestamp) -> String {
    at.to_string().chars().filter(char::is_ascii_alphanumeric).map(|sign| sign.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stamp_is_a_name() {
        assert_eq!(stamp(Timestamp::from_micros(1_795_251_600_000_001)), "20261121t090000000001z");
    }
}
