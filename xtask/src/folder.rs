//! A folder that goes with its owner, or one that stays.
use std::path::Path;

use tempfile::TempDir;

pub enum Folder {
    Temporary(TempDir),
    #[cfg(feature = "live")]
    Kept(std::path::PathBuf),
}

impl Folder {
    /// A new one, whose name begins with `prefix`.
    pub fn temporary(prefix: &str) -> Result<Self, String> {
        let made = tempfile::Builder::new().prefix(prefix).tempdir();
        made.map(Self::Temporary).map_err(|error| error.to_string())
    }

    /// The one at `path`, made when it is missing.
    #[cfg(feature = "live")]
    pub fn kept(path: &Path) -> Result<Self, String> {
        let made = std::fs::create_dir_all(path).and_then(|()| path.canonicalize());
        made.map(Self::Kept).map_err(|error| format!("{}: {error}", path.display()))
    }

    pub fn path(&self) -> &Path {
        match self {
            Self::Temporary(folder) => folder.path(),
            #[cfg(feature = "live")]
            Self::Kept(path) => path,
        }
    }

    pub const fn is_kept(&self) -> bool {
        !matches!(self, Self::Temporary(_))
    }
}
