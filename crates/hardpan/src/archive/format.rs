//! The file of a backup: `magic | length of head | head | body | SHA-256 of everything before`.
//!
//! The head is JSON in the clear. The body is zstd, and sealed where the head says so: a manifest as JSON, then each table as chunks
//! of rows and its checksum. Magic and the last 32 bytes mean the same in every version.
use kernel::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::refused;

pub(super) const MAGIC: &[u8; 8] = b"HARDPAN\n";
pub(super) const SHA_LENGTH: usize = 32;
/// Goes up when an older Hardpan could not read what a newer one writes.
pub(super) const VERSION: u32 = 1;
/// Longest head and manifest, in bytes.
pub(super) const MOST_JSON: u32 = 16 << 20;
/// Longest chunk: a row can be this large, whatever the chunks aim at.
pub(super) const MOST_CHUNK: u32 = 1 << 30;

/// What anyone may know of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    pub format: u32,
    /// The version of Hardpan that made it.
    pub hardpan: String,
    pub app: String,
    /// The engine it was taken from; it can be restored into either.
    pub engine: String,
    pub created_at: String,
    pub is_encrypted: bool,
}

/// What is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub tables: Vec<Listed>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Listed {
    pub name: String,
    pub columns: Vec<String>,
    pub rows: u64,
}

impl Head {
    /// Errors: made by a newer version, or malformed.
    pub(super) fn read(bytes: &[u8]) -> Result<Self> {
        let json: Json = serde_json::from_slice(bytes).map_err(Error::internal)?;
        match json["format"].as_u64() {
            Some(format) if format > u64::from(VERSION) => Err(refused(format!(
                "The backup has format {format}, made by Hardpan {}; this Hardpan reads up to {VERSION}.",
                json["hardpan"].as_str().unwrap_or("(unknown)")
            ))),
            _ => serde_json::from_value(json).map_err(Error::internal),
        }
    }
}
