//! One file of the log.
//!
//! ```text
//! 0..48: "CQLLOG01" | number u64 | first sequence u64 | salt u64 | CRC-32 of these u32 | zeroes, then records
//! ```
//!
//! Segment n is the file `n.log`; a spare is `spare-*.log` and becomes a segment by a new header and a rename. The salt
//! is part of every record's checksum, so that what an earlier use left in the file counts for nothing.

use std::{
    fs::{self, File},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use super::{is_missing, open};
use crate::{
    error::{Error, Result},
    store::{Sequence, folder::sync_folder, io_error},
};

/// Where the first record begins.
pub const HEADER_BYTES: usize = 48;

const MAGIC: &[u8; 8] = b"CQLLOG01";
const CHECKED: usize = 32;
const EXTENSION: &str = "log";
/// Extension of a spare that is still being filled.
const UNFINISHED: &str = "unfinished";
const SPARE_PREFIX: &str = "spare-";
static ZEROES: [u8; 1 << 16] = [0; 1 << 16];

/// What a segment says about itself.
#[derive(Clone, Copy)]
pub struct Header {
    /// Counts up by one.
    pub number: u64,
    /// Sequence of the first commit; later ones in earlier segments were never acknowledged.
    pub first: Sequence,
    /// Random.
    pub salt: u64,
}

/// A segment in use.
pub struct Segment {
    pub path: PathBuf,
    pub number: u64,
    pub first: Sequence,
    /// Sequence of the last commit in it; `first - 1` while it is empty.
    pub last: Sequence,
    pub salt: u64,
    /// Size of the file.
    pub bytes: u64,
    file: File,
    /// Where the next record goes.
    end: u64,
}

impl Segment {
    /// Makes a prepared file the segment with this header.
    pub fn start(folder: &Path, prepared: &Path, header: Header) -> Result<Self> {
        let file = open(prepared)?;
        let path = folder.join(format!("{:010}.{EXTENSION}", header.number));
        let fail = |error| io_error("write", &path, &error);
        file.write_all_at(&header.encode(), 0).map_err(fail)?;
        file.sync_data().map_err(fail)?;
        fs::rename(prepared, &path).map_err(fail)?;
        sync_folder(folder)?;
        let bytes = file.metadata().map_err(fail)?.len();
        let Header { number, first, salt } = header;
        Ok(Segment { path, number, first, last: first - 1, salt, bytes, file, end: HEADER_BYTES as u64 })
    }

    /// Bytes left for records.
    pub fn room(&self) -> u64 {
        self.bytes - self.end
    }

    /// Writes a record that ends with this sequence, and waits for the disk.
    pub fn append(&mut self, record: &[u8], last: Sequence) -> Result<()> {
        let written = self.file.write_all_at(record, self.end).and_then(|()| self.file.sync_data());
        written.map_err(|error| io_error("write", &self.path, &error))?;
        self.end += record.len() as u64;
        self.last = last;
        Ok(())
    }

    /// All bytes of the file.
    pub fn read(&self) -> Result<Vec<u8>> {
        fs::read(&self.path).map_err(|error| io_error("read", &self.path, &error))
    }

    /// Makes it a spare.
    pub fn retire(self, folder: &Path) -> Result<()> {
        let spare = folder.join(format!("{SPARE_PREFIX}{}.{EXTENSION}", self.number));
        fs::rename(&self.path, &spare).map_err(|error| io_error("rename", &self.path, &error))
    }
}

impl Header {
    fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..16].copy_from_slice(&self.number.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.first.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.salt.to_le_bytes());
        let crc = crc32fast::hash(&bytes[..CHECKED]);
        bytes[CHECKED..CHECKED + 4].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8; HEADER_BYTES]) -> Option<Self> {
        let field = |at: usize| u64::from_le_bytes(std::array::from_fn(|byte| bytes[at + byte]));
        let header = Header { number: field(8), first: field(16), salt: field(24) };
        (header.encode() == *bytes && header.first > 0).then_some(header)
    }
}

/// The segments of a folder in order.
pub fn list(folder: &Path) -> Result<Vec<Segment>> {
    let mut segments = Vec::new();
    for (name, path) in files(folder, EXTENSION)? {
        let Ok(number) = name.parse::<u64>() else { continue };
        let file = open(&path)?;
        let bytes = file.metadata().map_err(|error| io_error("read", &path, &error))?.len();
        let mut header = [0; HEADER_BYTES];
        let header = file.read_exact_at(&mut header, 0).ok().and_then(|()| Header::decode(&header));
        let Some(Header { first, salt, .. }) = header.filter(|header| header.number == number) else {
            return Err(Error::Damaged(format!("'{}' has no valid header", path.display())));
        };
        segments.push(Segment { path, number, first, last: first - 1, salt, bytes, file, end: bytes });
    }
    segments.sort_by_key(|segment| segment.number);
    Ok(segments)
}

/// The spare files of a folder.
pub fn spares(folder: &Path) -> Result<Vec<PathBuf>> {
    Ok(files(folder, EXTENSION)?
        .into_iter()
        .filter(|(name, _)| name.starts_with(SPARE_PREFIX))
        .map(|(_, path)| path)
        .collect())
}

/// Removes what a crash left of spares that were being made.
pub fn remove_unfinished(folder: &Path) -> Result<()> {
    for (_, path) in files(folder, UNFINISHED)? {
        fs::remove_file(&path).map_err(|error| io_error("remove", &path, &error))?;
    }
    Ok(())
}

/// Makes a new spare file of this size, full of zeroes, on disk.
pub fn prepare(folder: &Path, bytes: u64) -> Result<PathBuf> {
    let name = format!("{SPARE_PREFIX}{:016x}.{EXTENSION}", rand::random::<u64>());
    let unfinished = folder.join(&name).with_extension(UNFINISHED);
    let fail = |error| {
        // A half-written file would keep the space that somebody needs.
        let _ = fs::remove_file(&unfinished);
        io_error("write", &unfinished, &error)
    };
    let file = File::create(&unfinished).map_err(fail)?;
    let mut at = 0;
    while at < bytes {
        let length = (bytes - at).min(ZEROES.len() as u64);
        file.write_all_at(&ZEROES[..usize::try_from(length).unwrap_or(ZEROES.len())], at).map_err(fail)?;
        at += length;
    }
    file.sync_all().map_err(fail)?;
    let spare = folder.join(name);
    fs::rename(&unfinished, &spare).map_err(fail)?;
    sync_folder(folder)?;
    Ok(spare)
}

/// Name without extension and path of each file with this extension.
fn files(folder: &Path, wanted: &str) -> Result<Vec<(String, PathBuf)>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if is_missing(&error) => return Ok(Vec::new()),
        entries => entries.map_err(|error| io_error("read", folder, &error))?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| io_error("read", folder, &error))?.path();
        if path.extension().is_some_and(|extension| extension == wanted)
            && let Some(name) = path.file_stem().and_then(|name| name.to_str())
        {
            files.push((name.to_owned(), path));
        }
    }
    Ok(files)
}
