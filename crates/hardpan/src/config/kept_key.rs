//! The master key that development makes for itself and keeps in the data folder, readable by its owner alone.
use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use kernel::{Error, Random, Result};
use zeroize::Zeroizing;

use super::master_key::{self, MasterKey};

/// Where it lies.
pub fn path(data_dir: &Path) -> PathBuf {
    data_dir.join("master.key")
}

/// The kept key. Errors: internal, when the file is malformed or open to others.
pub fn read_if_any(data_dir: &Path) -> Result<Option<MasterKey>> {
    let path = path(data_dir);
    let text = match File::open(&path) {
        Ok(file) => read(&file, &path)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("cannot open", &path, &error)),
    };
    // An empty file is what a start leaves that was cut short before the key was written, or used.
    if text.is_empty() { Ok(None) } else { decode(&text, &path).map(Some) }
}

/// The kept key, made (and the folder with it) when there is none.
///
/// Errors: internal, when the folder cannot be written, or the file is malformed or open to others.
pub fn read_or_make(data_dir: &Path, random: &dyn Random) -> Result<MasterKey> {
    match read_if_any(data_dir)? {
        Some(key) => Ok(key),
        None => make(data_dir, &path(data_dir), random),
    }
}

fn read(file: &File, path: &Path) -> Result<Zeroizing<String>> {
    let metadata = file.metadata().map_err(|error| failed("cannot read", path, &error))?;
    if is_open_to_others(&metadata) {
        return Err(Error::internal(format!("{0} can be read by others: chmod 600 {0}", path.display())));
    }
    let mut text = Zeroizing::new(String::new());
    file.take(1024).read_to_string(&mut text).map_err(|error| failed("cannot read", path, &error))?;
    Ok(text)
}

fn decode(text: &str, path: &Path) -> Result<MasterKey> {
    master_key::decode(text).ok_or_else(|| {
        let place = path.display();
        Error::internal(format!("{place} does not hold 32 bytes in base64; without it, what is encrypted here is lost"))
    })
}

fn make(data_dir: &Path, path: &Path, random: &dyn Random) -> Result<MasterKey> {
    make_private_folder(data_dir)?;
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(|error| failed("cannot make", path, &error))?;
    // Of two that start at once, one makes the key and the other finds it made.
    file.lock().map_err(|error| failed("cannot lock", path, &error))?;
    let text = read(&file, path)?;
    if !text.is_empty() {
        return decode(&text, path);
    }
    let key = master_key::generate(random);
    let line = Zeroizing::new(format!("{}\n", *master_key::encode(&key)));
    file.write_all(line.as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| sync_folder(data_dir))
        .map_err(|error| failed("cannot write", path, &error))?;
    Ok(key)
}

/// So that the file's name lasts as long as what is in it.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

/// Makes the data folder, if need be, for its owner alone.
pub fn make_private_folder(folder: &Path) -> Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|error| failed("cannot make the folder", folder, &error))
}

#[cfg(unix)]
fn is_open_to_others(metadata: &fs::Metadata) -> bool {
    std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o077 != 0
}

#[cfg(not(unix))]
fn is_open_to_others(_metadata: &fs::Metadata) -> bool {
    false
}

fn failed(what: &str, path: &Path, error: &io::Error) -> Error {
    Error::internal(format!("{what} {}: {error}", path.display()))
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use kernel::OsRandom;

    use super::*;

    #[test]
    fn it_is_made_once_for_its_owner_alone() {
        let home = tempfile::tempdir().unwrap();
        let data = home.path().join("data");
        let first = read_or_make(&data, &OsRandom).unwrap();
        let second = read_or_make(&data, &OsRandom).unwrap();
        assert!(first.is_same(&second));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&data), mode(&path(&data))), (0o700, 0o600));
    }

    #[test]
    fn a_start_that_was_cut_short_does_not_matter() {
        let home = tempfile::tempdir().unwrap();
        read_or_make(home.path(), &OsRandom).unwrap();
        fs::write(path(home.path()), "").unwrap();
        let made = read_or_make(home.path(), &OsRandom).unwrap();
        assert!(made.is_same(&read_or_make(home.path(), &OsRandom).unwrap()));
    }

    #[test]
    fn one_that_others_can_read_is_refused() {
        let home = tempfile::tempdir().unwrap();
        read_or_make(home.path(), &OsRandom).unwrap();
        fs::set_permissions(path(home.path()), fs::Permissions::from_mode(0o644)).unwrap();
        assert!(read_or_make(home.path(), &OsRandom).is_err());
        fs::set_permissions(path(home.path()), fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(path(home.path()), "changeme").unwrap();
        assert!(read_or_make(home.path(), &OsRandom).is_err());
    }
}
