//! Writing a backup: under another name until it is whole and on the disk.
use std::{
    fs::{self, File, OpenOptions},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use aws_lc_rs::digest::{Context, SHA256};
use kernel::{Error, Random, Result};
use platform::secrets::{Keyring, Sealing};
use store::copy::{Chunk, Digest};

use super::{
    PURPOSE, failed,
    format::{Head, MAGIC, MOST_CHUNK, Manifest},
    refused,
};

/// Ends the name of a backup that is not whole yet.
pub(super) const PARTIAL: &str = ".partial";
/// What zstd's own tool uses.
const LEVEL: i32 = 3;

/// A file that is being written. Unless it is finished, it is removed.
pub(super) struct Writer {
    body: Option<zstd::Encoder<'static, Body>>,
    part: Part,
    path: PathBuf,
}

/// What lies under the compression.
enum Body {
    Clear(Hashed),
    Sealed(Box<Sealing<Hashed>>),
}

/// The file, and the checksum of what has gone into it.
struct Hashed {
    file: BufWriter<File>,
    context: Context,
}

/// The name it has until it is whole. Removed when dropped.
struct Part(PathBuf);

impl Writer {
    /// Errors: the file exists, its folder does not, or another backup is writing to it.
    pub fn create(path: &Path, head: &Head, seal: Option<(&Keyring, &dyn Random)>) -> Result<Self> {
        if path.exists() {
            return Err(refused(format!("{} exists; a backup does not replace another.", path.display())));
        }
        let mut part = path.as_os_str().to_owned();
        part.push(PARTIAL);
        let part = PathBuf::from(part);
        let file = open(&part).map_err(|error| failed("write", &part, error))?;
        if file.try_lock().is_err() {
            return Err(refused(format!("Another backup is writing {}.", part.display())));
        }
        // Only now: until here it may have been somebody else's.
        file.set_len(0).map_err(|error| failed("write", &part, error))?;
        let part = Part(part);
        let mut hashed = Hashed { file: BufWriter::with_capacity(1 << 20, file), context: Context::new(&SHA256) };
        let head = serde_json::to_vec(head).map_err(Error::internal)?;
        let length = u32::try_from(head.len()).map_err(Error::internal)?;
        let opening = [&MAGIC[..], &length.to_be_bytes(), &head].concat();
        hashed.write_all(&opening).map_err(|error| failed("write", &part.0, error))?;
        let body = match seal {
            None => Body::Clear(hashed),
            Some((keyring, random)) => Body::Sealed(Box::new(keyring.seal_stream(random, PURPOSE, &opening, hashed)?)),
        };
        let body = zstd::Encoder::new(body, LEVEL).map_err(|error| failed("write", &part.0, error))?;
        Ok(Self { body: Some(body), part, path: path.to_owned() })
    }

    pub fn manifest(&mut self, manifest: &Manifest) -> Result<()> {
        let json = serde_json::to_vec(manifest).map_err(Error::internal)?;
        let length = u32::try_from(json.len()).map_err(Error::internal)?;
        self.write(&[&length.to_be_bytes(), &json])
    }

    pub fn chunk(&mut self, chunk: &Chunk) -> Result<()> {
        let length = u32::try_from(chunk.encoded.len()).ok().filter(|length| *length <= MOST_CHUNK);
        let length = length.ok_or_else(|| refused("A row is larger than a backup can hold."))?;
        let rows = u32::try_from(chunk.rows.len()).map_err(Error::internal)?;
        self.write(&[&rows.to_be_bytes(), &length.to_be_bytes(), &chunk.encoded])
    }

    pub fn end_table(&mut self, digest: &Digest) -> Result<()> {
        self.write(&[&0_u32.to_be_bytes(), &digest.rows.to_be_bytes(), &digest.sha256])
    }

    fn write(&mut self, parts: &[&[u8]]) -> Result<()> {
        let Some(body) = &mut self.body else { return Err(Error::internal("the backup is finished")) };
        parts.iter().try_for_each(|part| body.write_all(part)).map_err(|error| failed("write", &self.part.0, error))
    }

    /// Brings everything to the disk and gives the file its name. Returns its size.
    pub fn finish(mut self) -> Result<u64> {
        let Some(body) = self.body.take() else { return Err(Error::internal("the backup is finished")) };
        let finished = || {
            let hashed = match body.finish()? {
                Body::Clear(hashed) => hashed,
                Body::Sealed(sealing) => sealing.finish()?,
            };
            let mut file = hashed.file;
            file.write_all(hashed.context.finish().as_ref())?;
            let file = file.into_inner().map_err(std::io::IntoInnerError::into_error)?;
            file.sync_all()?;
            let length = file.metadata()?.len();
            fs::rename(&self.part.0, &self.path)?;
            sync_folder_of(&self.path)?;
            Ok(length)
        };
        finished().map_err(|error: std::io::Error| failed("write", &self.path, error))
    }
}

fn open(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// So that names last as long as what is in the files.
pub(super) fn sync_folder_of(path: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    let _ = path;
    Ok(())
}

impl Drop for Part {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.file.write_all(bytes)?;
        self.context.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

impl Write for Body {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Self::Clear(hashed) => hashed.write(bytes),
            Self::Sealed(sealing) => sealing.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Self::Clear(hashed) => hashed.flush(),
            Self::Sealed(sealing) => sealing.flush(),
        }
    }
}
