//! The program's clock, which a file moves (libfaketime). Monotonic time goes on as it does.
use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{live::program::Program, tools::debian};

const LIBRARY: &str = "libfaketime.so.1";

pub struct Clock {
    file: PathBuf,
}

impl Clock {
    /// The program sees this clock from its next start on. Errors: there is no libfaketime.
    pub async fn give(program: &mut Program) -> Result<Self, String> {
        let missing = "libfaketime is not installed (package `faketime`)";
        if find().is_none() {
            debian::install(missing, &["faketime"]).await?;
        }
        let library = find().ok_or(missing)?;
        let clock = Self { file: program.folder().join("clock") };
        clock.set(0)?;
        program.set("LD_PRELOAD", library.display().to_string());
        program.set("FAKETIME_TIMESTAMP_FILE", clock.file.display().to_string());
        program.set("FAKETIME_NO_CACHE", "1");
        program.set("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        program.set("DONT_FAKE_MONOTONIC", "1");
        Ok(clock)
    }

    /// So many seconds from what the machine says.
    pub fn set(&self, seconds: i64) -> Result<(), String> {
        // In one step: half an order is none.
        let next = self.file.with_extension("next");
        fs::write(&next, format!("{seconds:+}\n"))
            .and_then(|()| fs::rename(&next, &self.file))
            .map_err(|e| e.to_string())
    }
}

/// Removes what libfaketime leaves behind when its process is killed.
pub fn sweep(pid: u32) {
    for name in [format!("faketime_shm_{pid}"), format!("sem.faketime_sem_{pid}")] {
        let _ = fs::remove_file(Path::new("/dev/shm").join(name));
    }
}

fn find() -> Option<PathBuf> {
    let folders = fs::read_dir("/usr/lib").into_iter().flatten().flatten().map(|entry| entry.path());
    let folders = folders.chain([PathBuf::from("/usr/lib"), PathBuf::from("/usr/local/lib")]);
    folders.map(|folder| folder.join("faketime").join(LIBRARY)).find(|library| library.is_file())
}
