//! sled as it is used here: one tree of blocks, panics made errors, a damaged page table rebuilt.

use std::{
    fs::{self, File, TryLockError},
    io::ErrorKind,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use sled::IVec;
use tracing::warn;

use crate::{
    error::{Error, Result},
    store::{Sequence, io_error},
};

/// sled writes a page of up to 17 entries as one item, and items above a quarter of this to files of their own.
const SEGMENT_BYTES: usize = 8 * 1024 * 1024;
const BLOCKS: &str = "blocks";
const CHECKPOINT: &str = "checkpoint";
/// How long to wait for a lock that is about to go, and how often to look.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);
const LOCK_POLL: Duration = Duration::from_millis(5);

/// sled, open.
pub struct Sled {
    pub db: sled::Db,
    /// A block's key in sled, and the block.
    pub blocks: sled::Tree,
    /// Its file, for syncing.
    pub file: File,
}

impl Sled {
    pub fn open(path: &Path, cache_bytes: u64) -> Result<Self> {
        wait_for_lock(&db_file(path));
        let open = || protect(|| Sled::open_once(path, cache_bytes));
        open().or_else(|error| {
            // A damaged snapshot of sled's page table is rebuilt from its log.
            if !matches!(error, Error::Damaged(_)) || move_snapshots_aside(path)? == 0 {
                return Err(error);
            }
            warn!(%error, "opening sled again without its snapshot");
            open()
        })
    }

    fn open_once(path: &Path, cache_bytes: u64) -> Result<Self> {
        let db = sled::Config::new()
            .path(path)
            .cache_capacity(cache_bytes)
            .segment_size(SEGMENT_BYTES)
            .flush_every_ms(None)
            .open()
            .map_err(|error| cannot_open(path, &error))?;
        let blocks = db.open_tree(BLOCKS).map_err(|error| cannot_open(path, &error))?;
        let file = File::open(db_file(path)).map_err(|error| io_error("open", path, &error))?;
        Ok(Sled { db, blocks, file })
    }

    /// Number of the last checkpoint.
    pub fn checkpoint(&self) -> Result<Sequence> {
        let value = self.db.get(CHECKPOINT).map_err(sled_error)?;
        let bytes: Option<[u8; 8]> = value.and_then(|value| value.as_ref().try_into().ok());
        bytes.map(u64::from_be_bytes).ok_or_else(|| Error::Damaged("sled has lost its checkpoint".into()))
    }

    /// The block that covers a key, with its key in sled.
    pub fn covering(&self, key: &[u8]) -> Result<Option<(IVec, IVec)>> {
        self.blocks.range::<&[u8], _>(..=key).next_back().transpose().map_err(sled_error)
    }

    /// The block behind the one with this key in sled.
    pub fn following(&self, routing: &[u8]) -> Result<Option<(IVec, IVec)>> {
        self.blocks.get_gt(routing).map_err(sled_error)
    }

    /// The block before the one with this key in sled, or before where there is none.
    pub fn preceding(&self, routing: &[u8]) -> Result<Option<(IVec, IVec)>> {
        self.blocks.get_lt(routing).map_err(sled_error)
    }

    /// The last block.
    pub fn last(&self) -> Result<Option<(IVec, IVec)>> {
        self.blocks.last().map_err(sled_error)
    }

    /// Makes all changes durable and notes that they are those up to this sequence.
    pub fn finish_checkpoint(&self, sequence: Sequence) -> Result<()> {
        self.db.insert(CHECKPOINT, &sequence.to_be_bytes()).map_err(sled_error)?;
        self.db.flush().map_err(sled_error)?;
        self.file.sync_data().map_err(|error| Error::Storage(format!("cannot sync sled's file: {error}")))
    }
}

/// Runs something on sled, whose panics become errors.
pub fn protect<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("no reason given");
        Err(Error::Damaged(format!("sled gave up: {text}")))
    })
}

/// Waits while a sled that was closed a moment ago still holds its file's lock: its threads may end after it, and a child
/// process has the file until it runs its own program. It is nobody else's, as the data folder has a lock of its own.
fn wait_for_lock(db_file: &Path) {
    let Ok(file) = File::open(db_file) else { return };
    let start = Instant::now();
    while let Err(TryLockError::WouldBlock) = file.try_lock()
        && start.elapsed() < LOCK_PATIENCE
    {
        thread::sleep(LOCK_POLL);
    }
    // Not left to closing it: a child process may have this file, too.
    let _ = file.unlock();
}

fn move_snapshots_aside(path: &Path) -> Result<usize> {
    let mut moved = 0;
    let fail = |error| io_error("read", path, &error);
    for entry in fs::read_dir(path).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        let name = entry.file_name();
        if name.to_string_lossy().starts_with("snap.") {
            let aside = path.join(format!("damaged-{}", name.to_string_lossy()));
            fs::rename(entry.path(), aside).map_err(fail)?;
            moved += 1;
        }
    }
    Ok(moved)
}

/// The file that sled keeps everything in.
pub fn db_file(path: &Path) -> PathBuf {
    path.join("db")
}

pub fn sled_error(error: sled::Error) -> Error {
    match error {
        sled::Error::Corruption { .. } => Error::Damaged(format!("sled reports: {error}")),
        error => Error::Storage(format!("sled reports: {error}")),
    }
}

fn cannot_open(path: &Path, error: &sled::Error) -> Error {
    let what = format!("sled cannot open '{}': {error}", path.display());
    match error {
        // Nothing is lost, and nothing is to be recovered.
        sled::Error::Io(error) if error.kind() == ErrorKind::StorageFull => Error::Storage(what),
        _ => Error::Damaged(what),
    }
}
