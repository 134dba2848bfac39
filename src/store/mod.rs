//! Rows as bytes: an ordered map of keys to values, durable, with consistent snapshots.
//!
//! One commit goes this way:
//!
//! 1. [`Store::commit`] puts the writes and the snapshot they were made on into the queue of the [`committer`], a thread
//!    of its own; if they are alone, it does that thread's work itself.
//! 2. The committer takes all commits that wait. Each whose keys nobody wrote since its snapshot gets the next sequence
//!    number and goes into the [`memtable`], where nobody sees it yet, and into one record of the [`log`].
//! 3. One `fdatasync` makes that record durable. The last sequence number becomes the visible one, and all who wait are
//!    told.
//! 4. In the background, a checkpoint ([`checkpoint`]) moves what all live snapshots see from the memtable to the [`base`],
//!    which is sled, makes sled durable, and gives the log's files free.
//!
//! A [`Snapshot`] reads the memtable as of its sequence number over the base. `docs/design.md` describes the files.

mod base;
mod bounds;
mod checkpoint;
mod committer;
mod folder;
pub mod keycode;
mod log;
mod memtable;
mod options;
pub mod row;
mod snapshot;
mod stats;
#[cfg(test)]
mod tests;

use std::{
    future::Future,
    io::{Error as IoError, ErrorKind},
    path::Path,
    sync::Arc,
    thread::{self, JoinHandle},
};

use parking_lot::Mutex;

pub use bounds::KeyBounds;
pub use options::{MIB, Options};
pub use snapshot::{Scan, Snapshot};
pub use stats::Stats;

use crate::error::{Error, Result};
use base::Base;
use checkpoint::Housekeeping;
use committer::{Committer, Pending};
use folder::{Contents, Folder, free_bytes};
use log::Log;
use memtable::Memtable;
use snapshot::Snapshots;
use stats::Counters;

/// Number of a commit; the first is 1.
pub type Sequence = u64;
/// A key; [`keycode`] makes them.
pub type Key = Box<[u8]>;
/// A value.
pub type Bytes = Arc<[u8]>;
/// What becomes of a key: a value, or None to delete it.
pub type Write = (Key, Option<Bytes>);

/// A store, open in this process.
pub struct Store {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// What the store's threads and its users share.
struct Shared {
    options: Options,
    folder: Folder,
    base: Base,
    memtable: Memtable,
    log: Mutex<Log>,
    snapshots: Arc<Snapshots>,
    committer: Committer,
    housekeeping: Housekeeping,
    counters: Counters,
}

impl Store {
    /// Opens the store in a folder, or creates it in an empty or missing one, and brings back what the log holds.
    ///
    /// # Errors
    /// Names the folder or file and what is wrong with it: in use by another process, something else's, of a newer
    /// format, not writable, damaged so that acknowledged writes may be missing (see [`Options::force_recovery`]).
    pub fn open(path: &Path, options: Options) -> Result<Self> {
        let (folder, contents) = Folder::open(path)?;
        if free_bytes(folder.path())? < checkpoint::RESERVE_BYTES {
            // A full disk, on which it could not even be opened.
            folder.release_reserve();
        }
        let base = match contents {
            Contents::Nothing => Base::create(&folder, &options)?,
            Contents::Store => Base::open(&folder, &options)?,
        };
        let memtable = Memtable::default();
        let (log, last) = match contents {
            Contents::Nothing => (Log::create(&folder.log(), options.segment_bytes, 1)?, 0),
            Contents::Store => Log::recover(
                &folder.log(),
                options.segment_bytes,
                base.checkpoint()?,
                options.force_recovery,
                |sequence, writes| memtable.insert(writes, sequence, sequence - 1),
            )?,
        };
        folder.mark_ready()?;
        let shared = Arc::new(Shared {
            housekeeping: Housekeeping::new(&folder, &options, base.checkpoint()?)?,
            options,
            folder,
            base,
            memtable,
            log: Mutex::new(log),
            snapshots: Arc::new(Snapshots::new(last)),
            committer: Committer::default(),
            counters: Counters::default(),
        });
        let threads = vec![
            spawn("committer", &shared, committer::run)?,
            spawn("checkpoint", &shared, checkpoint::run)?,
        ];
        Ok(Store { shared, threads: Mutex::new(threads) })
    }

    /// The data as of now, for as long as the snapshot lives.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::take(&self.shared)
    }

    /// Makes the writes, all or none, in place of what the snapshot shows. The future ends when they are durable and
    /// visible; dropping it does not take them back. Keys must be distinct. When no other commit is under way and the disk
    /// is fast, this call itself waits for the disk, some tens of microseconds.
    ///
    /// # Errors
    /// [`Error::Conflict`] if another commit wrote one of the keys since the snapshot was taken;
    /// [`Error::SnapshotTooOld`], [`Error::TransactionTooLarge`], [`Error::DiskFull`] or [`Error::Storage`].
    pub fn commit(
        &self,
        snapshot: Snapshot,
        writes: Vec<Write>,
    ) -> impl Future<Output = Result<Sequence>> + Send + 'static {
        let (done, result) = tokio::sync::oneshot::channel();
        let bytes = writes.iter().map(write_bytes).sum::<u64>();
        let limit = self.shared.options.transaction_bytes;
        if bytes > limit {
            // The receiver is right here.
            let _ = done.send(Err(Error::TransactionTooLarge(limit)));
        } else {
            self.shared.committer.commit(&self.shared, Pending { snapshot, writes, done });
        }
        async move { result.await.unwrap_or(Err(Error::ShuttingDown)) }
    }

    /// Bytes that one transaction may write.
    pub fn transaction_bytes(&self) -> u64 {
        self.shared.options.transaction_bytes
    }

    /// What the store uses and how it fares.
    pub fn stats(&self) -> Stats {
        stats::collect(&self.shared)
    }

    /// Moves everything that snapshots allow to sled and makes it durable, without waiting for the next checkpoint.
    pub fn checkpoint(&self) -> Result<()> {
        checkpoint::checkpoint(&self.shared)
    }

    /// Ends the commits that wait, makes a last checkpoint, and closes the files. Later commits fail with
    /// [`Error::ShuttingDown`].
    pub fn close(&self) {
        self.shared.committer.close();
        self.shared.housekeeping.stop();
        for thread in self.threads.lock().drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the store ended in a panic");
            }
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.close();
    }
}

fn spawn(name: &str, shared: &Arc<Shared>, run: fn(&Shared)) -> Result<JoinHandle<()>> {
    let shared = Arc::clone(shared);
    thread::Builder::new()
        .name(name.into())
        .spawn(move || run(&shared))
        .map_err(|error| Error::Storage(format!("cannot start a thread: {error}")))
}

/// Bytes that a write takes in the log.
fn write_bytes((key, value): &Write) -> u64 {
    (key.len() + value.as_deref().map_or(0, <[u8]>::len) + 6) as u64
}

/// An error that names the file and what was to be done with it.
fn io_error(what: &str, path: &Path, error: &IoError) -> Error {
    match error.kind() {
        ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => Error::DataFolder(format!(
            "cannot {what} '{}': {error}; the data folder must be writable",
            path.display()
        )),
        _ => Error::Storage(format!("cannot {what} '{}': {error}", path.display())),
    }
}
