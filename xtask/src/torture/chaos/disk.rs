//! A small filesystem of its own for a database, to be filled.
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

/// Room for the longest run; it takes what is written, no more.
const SIZE: &str = "6G";

/// An ext4 in a file, mounted by the loop device. Unmounted when dropped.
pub struct Disk {
    at: PathBuf,
    _image: TempDir,
}

impl Disk {
    /// Errors: this takes root, and a machine that lets it mount.
    pub fn mount(at: &Path) -> Result<Self, String> {
        let image = tempfile::Builder::new().prefix("hardpan-disk-").tempdir().map_err(|error| error.to_string())?;
        let file = image.path().join("image");
        fs::create_dir_all(at).map_err(|error| error.to_string())?;
        run(Command::new("truncate").args(["-s", SIZE]).arg(&file))?;
        // No share kept back for root, who is the one that writes here.
        run(Command::new("mkfs.ext4").args(["-q", "-m", "0", "-F"]).arg(&file))?;
        run(Command::new("mount").args(["-o", "loop"]).arg(&file).arg(at))?;
        let disk = Self { at: at.to_owned(), _image: image };
        fs::remove_dir(at.join("lost+found")).map_err(|error| error.to_string())?;
        Ok(disk)
    }

    /// To the last byte.
    pub fn fill(&self) -> Result<(), String> {
        for part in 0..64 {
            let free = self.free()?;
            if free < 4096 * 16 {
                break;
            }
            // A file's own map takes some of what is free; what one does not get is left to the next.
            let size = if part % 2 == 0 { free - free / 256 } else { free / 2 };
            let _ = run(Command::new("fallocate").args(["-l", &size.to_string()]).arg(self.ballast(part)));
        }
        let zeros = vec![0; 1 << 20];
        match fs::write(self.ballast(64), &zeros) {
            Err(error) if error.kind() == std::io::ErrorKind::StorageFull => Ok(()),
            Err(error) => Err(error.to_string()),
            Ok(()) => Err("the disk could not be filled".to_owned()),
        }
    }

    pub fn clear(&self) -> Result<(), String> {
        for path in (0..65).map(|part| self.ballast(part)).filter(|path| path.exists()) {
            fs::remove_file(path).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    fn ballast(&self, part: u32) -> PathBuf {
        self.at.join(format!("ballast{part}"))
    }

    fn free(&self) -> Result<u64, String> {
        let told = run(Command::new("df").args(["--output=avail", "-B1"]).arg(&self.at))?;
        told.lines().last().and_then(|line| line.trim().parse().ok()).ok_or("df does not tell what is free".to_owned())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: the folder goes with its owner, and whoever still has a file open is about to end.
        let _ = run(Command::new("umount").arg("-l").arg(&self.at));
    }
}

fn run(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{}: {error}", command.get_program().display()))?;
    let why = || format!("{}: {}", command.get_program().display(), String::from_utf8_lossy(&output.stderr).trim());
    if output.status.success() { Ok(String::from_utf8_lossy(&output.stdout).into_owned()) } else { Err(why()) }
}
