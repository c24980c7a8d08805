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

/// The kept key, made (and the folder with it) when there is none.
///
/// Errors: internal, when the folder cannot be written, or the file is malformed or open to others.
pub fn read_or_make(data_dir: &Path, random: &dyn Random) -> Result<MasterKey> {
    let path = path(data_dir);
    match File::open(&path) {
        Ok(file) => read(file, &path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(data_dir, &path, random),
        Err(error) => Err(failed("cannot open", &path, &error)),
    }
}

fn read(file: File, path: &Path) -> Result<MasterKey> {
    let metadata = file.metadata().map_err(|error| failed("cannot read", path, &error))?;
    if is_open_to_others(&metadata) {
        return Err(Error::internal(format!("{0} can be read by others: chmod 600 {0}", path.display())));
    }
    let mut text = Zeroizing::new(String::new());
    file.take(1024).read_to_string(&mut text).map_err(|error| failed("cannot read", path, &error))?;
    master_key::decode(&text).ok_or_else(|| {
        let place = path.display();
        Error::internal(format!("{place} does not hold 32 bytes in base64; without it, what is encrypted here is lost"))
    })
}

fn make(data_dir: &Path, path: &Path, random: &dyn Random) -> Result<MasterKey> {
    make_private_folder(data_dir)?;
    let key = master_key::generate(random);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(|error| failed("cannot make", path, &error))?;
    let line = Zeroizing::new(format!("{}\n", *master_key::encode(&key)));
    file.write_all(line.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(|error| failed("cannot write", path, &error))?;
    Ok(key)
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
