//! Reading a backup. Nothing of it is believed before the checksum of the whole file.
use std::{
    fs::File,
    io::{BufReader, Read, Seek as _, SeekFrom},
    path::Path,
};

use aws_lc_rs::digest::{Context, SHA256};
use kernel::{Error, Result, Value};
use platform::secrets::Keyring;
use store::copy::{Digest, Hasher, decode};

use super::{
    PURPOSE, failed,
    format::{Head, Listed, MAGIC, MOST_CHUNK, MOST_JSON, Manifest, SHA_LENGTH},
    refused,
};

/// A backup that is whole, up to its tables.
pub(super) struct Reader {
    pub head: Head,
    pub manifest: Manifest,
    body: Box<dyn Read + Send>,
}

impl Reader {
    /// Errors: no backup at all, changed or cut short, made by a newer Hardpan, sealed under another key.
    pub fn open(path: &Path, keyring: Option<&Keyring>) -> Result<Self> {
        let mut file = File::open(path).map_err(|error| failed("read", path, error))?;
        let length = check(&mut file, path)?;
        let mut source = BufReader::with_capacity(1 << 20, file.take(length));
        let mut opening = vec![0; MAGIC.len() + 4];
        source.read_exact(&mut opening).map_err(damaged)?;
        let size = usize::try_from(bounded(&opening[MAGIC.len()..], MOST_JSON)?).map_err(Error::internal)?;
        let mut head = vec![0; size];
        source.read_exact(&mut head).map_err(damaged)?;
        opening.extend_from_slice(&head);
        let head = Head::read(&head)?;
        let under: Box<dyn Read + Send> = if head.is_encrypted {
            let needs = || refused("The backup cannot be opened: it needs the master key of the app it was made from.");
            let opened = keyring.ok_or_else(needs)?.open_stream(PURPOSE, &opening, source);
            Box::new(opened.map_err(|error| needs().with_source(error))?)
        } else {
            Box::new(source)
        };
        let mut body: Box<dyn Read + Send> = Box::new(zstd::Decoder::new(under).map_err(damaged)?);
        let size = read_u32(&mut body).and_then(|size| bounded(&size.to_be_bytes(), MOST_JSON))?;
        let manifest = serde_json::from_slice(&read_bytes(&mut body, size)?).map_err(damaged)?;
        Ok(Self { head, manifest, body })
    }

    /// The next chunk of rows of `table`; after the last, what the table holds, recounted from its rows.
    pub fn next(&mut self, table: &Listed, hasher: &mut Option<Hasher>) -> Result<Next> {
        let hash = hasher.get_or_insert_with(|| Hasher::new(table.columns.iter().map(String::as_str)));
        let count = read_u32(&mut self.body)?;
        if count > 0 {
            let size = read_u32(&mut self.body).and_then(|size| bounded(&size.to_be_bytes(), MOST_CHUNK))?;
            let encoded = read_bytes(&mut self.body, size)?;
            let rows = decode(&encoded, table.columns.len())?;
            if rows.len() as u64 != u64::from(count) {
                return Err(damaged("a chunk has another number of rows than it says"));
            }
            hash.update(rows.len(), &encoded);
            return Ok(Next::Rows(rows));
        }
        let mut told = [0; 8 + SHA_LENGTH];
        self.body.read_exact(&mut told).map_err(damaged)?;
        let (rows, sha256) = told.split_at(8);
        let found = hasher.take().ok_or_else(|| Error::internal("a table ended before it began"))?.finish();
        let is_told = found.rows.to_be_bytes() == rows && found.sha256 == sha256 && found.rows == table.rows;
        if is_told { Ok(Next::End(found)) } else { Err(damaged(format!("{} has another checksum", table.name))) }
    }

    /// Errors: something follows the last table.
    pub fn end(mut self) -> Result<()> {
        match self.body.read(&mut [0]).map_err(damaged)? {
            0 => Ok(()),
            _ => Err(damaged("something follows the last table")),
        }
    }
}

/// What comes next in a table.
pub(super) enum Next {
    Rows(Vec<Vec<Value>>),
    End(Digest),
}

/// Compares the file with the checksum at its end. Returns how long it is without.
fn check(file: &mut File, path: &Path) -> Result<u64> {
    let unread = |error| failed("read", path, error);
    let mut magic = [0; MAGIC.len()];
    let is_one = file.read_exact(&mut magic).is_ok() && magic == *MAGIC;
    if !is_one {
        return Err(refused(format!("{} is no backup of Hardpan, or its beginning is damaged.", path.display())));
    }
    let end = (file.metadata().map_err(unread)?.len()).checked_sub(SHA_LENGTH as u64);
    let end = end.filter(|end| *end >= MAGIC.len() as u64).ok_or_else(|| damaged("it is too short"))?;
    file.rewind().map_err(unread)?;
    let mut context = Context::new(&SHA256);
    let mut buffer = vec![0; 1 << 20];
    let mut rest = file.by_ref().take(end);
    loop {
        match rest.read(&mut buffer).map_err(unread)? {
            0 => break,
            length => context.update(&buffer[..length]),
        }
    }
    let mut told = [0; SHA_LENGTH];
    file.read_exact(&mut told).map_err(damaged)?;
    if context.finish().as_ref() != told {
        return Err(damaged("the checksum at its end is another"));
    }
    file.seek(SeekFrom::Start(0)).map_err(unread)?;
    Ok(end)
}

fn bounded(bytes: &[u8], most: u32) -> Result<u32> {
    let length = bytes.try_into().map(u32::from_be_bytes).map_err(damaged)?;
    if length > most { Err(damaged("a length is out of bounds")) } else { Ok(length) }
}

fn read_u32(body: &mut impl Read) -> Result<u32> {
    let mut bytes = [0; 4];
    body.read_exact(&mut bytes).map_err(damaged)?;
    Ok(u32::from_be_bytes(bytes))
}

/// Grows with what is there, so that a length that lies costs no memory.
fn read_bytes(body: &mut impl Read, size: u32) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    body.take(size.into()).read_to_end(&mut bytes).map_err(damaged)?;
    if bytes.len() as u64 != u64::from(size) {
        return Err(damaged("it ends in the middle of a table"));
    }
    Ok(bytes)
}

fn damaged(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    refused("The backup is damaged: it was changed or is cut short.").with_source(source)
}

#[cfg(test)]
mod tests {
    use kernel::{OsRandom, Secret};

    use super::{super::writer::Writer, *};

    fn written(is_encrypted: bool) -> (Vec<u8>, Keyring) {
        let keyring = Keyring::new(Secret::new(vec![1; 32]), None).unwrap();
        let head = Head {
            format: 1,
            hardpan: "0.1.0".into(),
            app: "notes".into(),
            engine: "sqlite".into(),
            created_at: "2026-11-21T09:00:00.000000Z".into(),
            is_encrypted,
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.hardpan");
        let seal = is_encrypted.then_some((&keyring, &OsRandom as &dyn kernel::Random));
        let mut writer = Writer::create(&path, &head, seal).unwrap();
        let table = Listed { name: "notes".into(), columns: vec!["id".into()], rows: 0 };
        writer.manifest(&Manifest { tables: vec![table] }).unwrap();
        writer.end_table(&Hasher::new(["id"].into_iter()).finish()).unwrap();
        assert!(!path.exists());
        writer.finish().unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        (std::fs::read(&path).unwrap(), keyring)
    }

    fn read(bytes: &[u8], keyring: &Keyring) -> Result<()> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.hardpan");
        std::fs::write(&path, bytes).unwrap();
        let mut reader = Reader::open(&path, Some(keyring))?;
        let table = reader.manifest.tables[0].clone();
        assert!(matches!(reader.next(&table, &mut None)?, Next::End(_)));
        reader.end()
    }

    #[test]
    fn every_flipped_byte_and_every_missing_end_is_refused() {
        for is_encrypted in [false, true] {
            let (bytes, keyring) = written(is_encrypted);
            read(&bytes, &keyring).unwrap();
            for at in 0..bytes.len() {
                let mut flipped = bytes.clone();
                flipped[at] ^= 0x20;
                let error = read(&flipped, &keyring).unwrap_err();
                assert!(error.detail().contains("damaged"), "byte {at}: {error:?}");
                assert!(read(&bytes[..at], &keyring).is_err(), "cut at {at}");
            }
            assert!(read(&[&bytes[..], b"x"].concat(), &keyring).is_err());
        }
    }

    #[test]
    fn one_that_is_dropped_before_it_is_whole_leaves_nothing() {
        let (bytes, _) = written(false);
        let length = u32::from_be_bytes(bytes[8..12].try_into().unwrap()) as usize;
        let head = Head::read(&bytes[12..12 + length]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let writer = Writer::create(&folder.path().join("a"), &head, None).unwrap();
        assert!(Writer::create(&folder.path().join("a"), &head, None).is_err(), "two write one file");
        drop(writer);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
