//! The exchange of a database for another: at every moment one of them is there, whole.
use std::{
    fs::{self, OpenOptions},
    io,
    path::{Path, PathBuf},
};

use kernel::{Result, Timestamp};
use store::Options;

use super::{
    failed, refused,
    scratch::{beside, open},
    writer::sync_folder_of,
};

/// What SQLite keeps beside a database that was not closed: it replays the one and rolls back the other.
const LOGS: [&str; 2] = ["-wal", "-journal"];

/// Puts the closed SQLite database `new` in the place of `target`, which is kept under the name that is returned.
pub(super) async fn swap_file(new: &Path, target: &Path, at: Timestamp) -> Result<Option<PathBuf>> {
    let kept = beside(target, &format!(".before-restore-{}", stamp(at)));
    let is_kept = target.exists();
    if is_kept {
        keep(target, &kept).await?;
    }
    let exchanged = || -> io::Result<()> {
        // The next database must not take for its own what lies beside one that is gone.
        for ending in LOGS {
            match fs::rename(beside(target, ending), beside(&kept, ending)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        let _ = fs::remove_file(beside(target, "-shm"));
        sync_file(new)?;
        fs::rename(new, target)?;
        sync_folder_of(target)
    };
    exchanged().map_err(|error| failed("replace", target, error))?;
    Ok(is_kept.then_some(kept))
}

/// Gives the database a second name. Errors: what was written to it lately cannot be brought into it.
async fn keep(target: &Path, kept: &Path) -> Result<()> {
    // Whoever opens a database last and closes it moves the WAL into it.
    let opened = open(Options::new(format!("sqlite:{}", target.display()))).await;
    if let Ok(ctx) = &opened {
        ctx.db().close().await;
    }
    // Without its log the old database would not be whole, should the exchange fail.
    for log in LOGS.map(|ending| beside(target, ending)) {
        if fs::metadata(&log).is_ok_and(|log| log.len() > 0) {
            let refusal = refused(format!(
                "{} holds writes that cannot be brought into the database: it cannot be opened, or something else uses it. To \
                 restore without them, move both away first.",
                log.display()
            ));
            return Err(match opened {
                Ok(_) => refusal,
                Err(error) => refusal.with_source(error),
            });
        }
    }
    let kept_whole = || -> io::Result<()> {
        match fs::hard_link(target, kept) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error),
            Err(_) => {
                fs::copy(target, kept)?;
                sync_file(kept)?;
            }
        }
        sync_folder_of(target)
    };
    kept_whole().map_err(|error| failed("keep", target, error))
}

/// Windows brings to the disk only what is open for writing.
fn sync_file(path: &Path) -> io::Result<()> {
    OpenOptions::new().write(true).open(path)?.sync_all()
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
