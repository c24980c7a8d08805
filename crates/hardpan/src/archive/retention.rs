//! Backups in a folder: their names, and how many are kept.
use std::{fs::File, path::Path};

use kernel::{Result, Timestamp};

use super::{failed, writer::PARTIAL};

const ENDING: &str = ".hardpan";

/// `notes-20261121T090000.000000Z.hardpan`: names sort by time.
pub fn name(app: &str, at: Timestamp) -> String {
    let digits: String = at.to_string().chars().filter(|sign| !matches!(sign, '-' | ':')).collect();
    format!("{app}-{digits}{ENDING}")
}

/// Removes all but the newest `keep` backups of `app` in `folder`, and what interrupted ones left behind; says which. Other files are
/// not touched.
pub fn keep_newest(folder: &Path, app: &str, keep: usize) -> Result<Vec<String>> {
    let unread = |error| failed("read", folder, error);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unread)? {
        let name = entry.map_err(unread)?.file_name();
        names.extend(name.to_str().map(str::to_owned));
    }
    let is_left_over = |name: &&String| {
        let is_ours = name.strip_suffix(PARTIAL).is_some_and(|name| is_ours(name, app));
        // One that is being written is locked.
        is_ours && File::open(folder.join(name)).is_ok_and(|file| file.try_lock().is_ok())
    };
    let left_over: Vec<String> = names.iter().filter(is_left_over).cloned().collect();
    names.retain(|name| is_ours(name, app));
    names.sort_unstable();
    names.truncate(names.len().saturating_sub(keep));
    names.extend(left_over);
    for name in &names {
        let path = folder.join(name);
        std::fs::remove_file(&path).map_err(|error| failed("remove", &path, error))?;
    }
    Ok(names)
}

/// `NAME-20261121T090000.000000Z.hardpan` and nothing like it: `notes` is not `notes-old`.
fn is_ours(name: &str, app: &str) -> bool {
    let time =
        name.strip_prefix(app).and_then(|rest| rest.strip_prefix('-')).and_then(|rest| rest.strip_suffix(ENDING));
    time.is_some_and(|time| {
        time.len() == 23
            && time.bytes().enumerate().all(|(at, byte)| match at {
                8 => byte == b'T',
                15 => byte == b'.',
                22 => byte == b'Z',
                _ => byte.is_ascii_digit(),
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_stay_and_strangers_too() {
        let folder = tempfile::tempdir().unwrap();
        let names: Vec<String> = (0..5)
            .map(|hour| name("notes", Timestamp::from_micros(1_795_251_600_000_000 + hour * 3_600_000_000)))
            .collect();
        assert_eq!(names[0], "notes-20261121T090000.000000Z.hardpan");
        let partial = format!("{}.partial", names[4]);
        let strangers = ["notes-old-20261121T090000.000000Z.hardpan", "notes-20200101.hardpan", "notes.hardpan", "a"];
        for name in names.iter().map(String::as_str).chain(strangers).chain([partial.as_str()]) {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let writing = File::open(folder.path().join(&partial)).unwrap();
        writing.lock().unwrap();
        assert_eq!(keep_newest(folder.path(), "notes", 2).unwrap(), names[..3]);
        drop(writing);
        assert_eq!(keep_newest(folder.path(), "notes", 2).unwrap(), [partial]);
        assert!(keep_newest(folder.path(), "notes", 2).unwrap().is_empty());
        let is_there = |name: &str| folder.path().join(name).exists();
        assert!(names[3..].iter().all(|name| is_there(name)) && strangers.into_iter().all(is_there));
    }
}
