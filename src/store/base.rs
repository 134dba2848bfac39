//! What is older than the memtable: sled, which nothing outside this file knows.
//!
//! One sled tree holds [`block`](super::block)s. A block's key in sled is a lower bound of the keys in it, and it covers all keys from
//! there to the next block's; the first block's is the empty key. sled's default tree holds the number of the last
//! checkpoint.
//!
//! What sled does not do by itself is done here: `flush()` does not reach the disk, so its file is synced too; values
//! above a quarter of a segment go into files that are never synced, so segments are large enough for 17 of the largest
//! rows; it panics on some damaged files, so panics become errors; and a file that was cut while it was closed may open
//! without complaint, so `base.state` says how long it has to be:
//!
//! ```text
//! writing            a checkpoint was under way: the log has all that may be missing
//! length BYTES       sled's file after the last checkpoint
//! ```

use std::{
    fs::{self, File},
    ops::Bound,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::Arc,
};

use parking_lot::RwLock;
use tracing::warn;

use super::{
    Bytes, Key, KeyBounds, MIB, Options, Sequence, Write,
    block::{self, Builder, TARGET_BYTES},
    block_cache::{Block, BlockCache},
    folder::{Folder, replace_file, sync_folder},
    io_error,
    memtable::size,
};
use crate::error::{Error, Result};

/// sled writes a page of up to 17 entries as one item, and items above a quarter of this to files of their own.
const SEGMENT_BYTES: usize = 8 * 1024 * 1024;
/// Blocks changed at a time: while sled takes them over, readers wait.
const BATCH_BLOCKS: usize = 128;
const BLOCKS: &str = "blocks";
const CHECKPOINT: &str = "checkpoint";
const WRITING: &str = "writing";
const LENGTH: &str = "length ";
/// A range read ends after so many bytes, whatever number of keys was asked for.
const CHUNK_BYTES: u64 = MIB;

/// The entries of a range up to some limit.
pub struct Chunk {
    /// In the order asked for.
    pub entries: Vec<(Key, Bytes)>,
    /// The last key, when there may be more behind it.
    pub stopped_at: Option<Key>,
}

/// sled with the blocks in it.
pub struct Base {
    path: PathBuf,
    state: PathBuf,
    sled_cache_bytes: u64,
    /// Readers hold the lock while they look at several blocks, the checkpoint while it changes some. None when sled
    /// could not be opened again after a failure.
    open: RwLock<Option<Sled>>,
    /// Changed under the same lock.
    cache: BlockCache,
}

struct Sled {
    db: sled::Db,
    blocks: sled::Tree,
    file: File,
}

/// What a part of a checkpoint changes.
#[derive(Default)]
struct Changes {
    batch: sled::Batch,
    /// How many writes this takes in.
    applied: usize,
    /// Where the changed blocks begin, and where the one behind them does.
    spans: Vec<(sled::IVec, Option<sled::IVec>)>,
}

impl Base {
    /// Makes an empty base.
    pub fn create(folder: &Folder, options: &Options) -> Result<Self> {
        let base = Base::closed(folder, options);
        base.set_state(WRITING)?;
        fs::create_dir_all(&base.path).map_err(|error| io_error("create", &base.path, &error))?;
        *base.open.write() = Some(Sled::open(&base.path, base.sled_cache_bytes)?);
        base.finish_checkpoint(0)?;
        Ok(base)
    }

    /// Opens a base that must be there.
    pub fn open(folder: &Folder, options: &Options) -> Result<Self> {
        let base = Base::closed(folder, options);
        let opened = base.check_files().and_then(|()| {
            base.set_state(WRITING)?;
            let sled = Sled::open(&base.path, base.sled_cache_bytes)?;
            sled.checkpoint()?;
            Ok(sled)
        });
        let sled = match opened {
            Err(error) if options.force_recovery => {
                let aside = base.path.with_extension(format!("damaged-{:08x}", rand::random::<u32>()));
                warn!(%error, aside = %aside.display(), "starting without what sled held");
                fs::rename(&base.path, &aside).map_err(|error| io_error("rename", &base.path, &error))?;
                return Base::create(folder, options);
            }
            opened => opened?,
        };
        *base.open.write() = Some(sled);
        base.record_length()?;
        Ok(base)
    }

    /// The last checkpoint.
    pub fn checkpoint(&self) -> Result<Sequence> {
        self.with(Sled::checkpoint)
    }

    /// The value of a key.
    pub fn get(&self, key: &[u8]) -> Result<Option<Bytes>> {
        self.with(|sled| {
            let Some(block) = self.covering(sled, key)? else { return Ok(None) };
            let mut reader = block::Reader::new(&block.entries);
            while let Some((found, value)) = reader.next()? {
                if found >= key {
                    return Ok((found == key).then(|| value.into()));
                }
            }
            Ok(None)
        })
    }

    /// The entries of a range that is not empty, up to some more than `limit`, with empty values unless they are wanted.
    pub fn range(&self, bounds: &KeyBounds, reverse: bool, limit: usize, values: bool) -> Result<Chunk> {
        self.with(|sled| {
            let mut chunk = Chunk { entries: Vec::with_capacity(limit), stopped_at: None };
            let mut bytes = 0;
            let mut next = self.first_of(sled, bounds, reverse)?;
            while let Some(block) = next {
                bytes += read(&block, bounds, reverse, values, &mut chunk.entries)?;
                if chunk.entries.len() >= limit || bytes >= CHUNK_BYTES {
                    chunk.stopped_at = chunk.entries.last().map(|(key, _)| key.clone());
                    break;
                }
                next = match &block.end {
                    _ if reverse && !bounds.is_after_lower(&block.start) => None,
                    _ if reverse => self.preceding(sled, &block.start)?,
                    Some(end) if bounds.is_before_upper(end) => self.covering(sled, end)?,
                    _ => None,
                };
            }
            Ok(chunk)
        })
    }

    /// Declares that changes follow, which are durable only after [`Base::finish_checkpoint`].
    pub fn start_checkpoint(&self) -> Result<()> {
        self.set_state(WRITING)
    }

    /// Applies writes in key order.
    pub fn apply(&self, mut writes: &[Write]) -> Result<()> {
        while !writes.is_empty() {
            // Only the checkpoint changes sled, so that what was read here still holds below.
            let changes = self.with(|sled| sled.changes(writes))?;
            let open = self.open.write();
            let sled = open.as_ref().ok_or_else(closed)?;
            for (start, end) in &changes.spans {
                self.cache.forget(start, end.as_deref());
            }
            protect(|| sled.blocks.apply_batch(changes.batch).map_err(sled_error))?;
            writes = &writes[changes.applied..];
        }
        Ok(())
    }

    /// Makes all changes durable and notes that they are those up to this sequence.
    pub fn finish_checkpoint(&self, sequence: Sequence) -> Result<()> {
        self.with(|sled| {
            sled.db.insert(CHECKPOINT, &sequence.to_be_bytes()).map_err(sled_error)?;
            sled.db.flush().map_err(sled_error)?;
            sled.file.sync_data().map_err(|error| io_error("sync", &self.path, &error))?;
            sync_folder(&self.path)
        })?;
        self.record_length()
    }

    /// Closes sled and opens it again: after an error it refuses all writes.
    pub fn reopen(&self) -> Result<()> {
        let mut open = self.open.write();
        *open = None;
        self.cache.clear();
        *open = Some(Sled::open(&self.path, self.sled_cache_bytes)?);
        Ok(())
    }

    /// Closes sled.
    pub fn close(&self) -> Result<()> {
        self.set_state(WRITING)?;
        *self.open.write() = None;
        self.record_length()
    }

    /// Bytes of sled's file.
    pub fn bytes(&self) -> u64 {
        fs::metadata(db_file(&self.path)).map_or(0, |file| file.len())
    }

    fn closed(folder: &Folder, options: &Options) -> Self {
        Base {
            path: folder.base(),
            state: folder.path().join("base.state"),
            sled_cache_bytes: options.cache_bytes / 2,
            open: RwLock::new(None),
            cache: BlockCache::new(options.cache_bytes / 2),
        }
    }

    /// The block with which the reading of a range begins.
    fn first_of(&self, sled: &Sled, bounds: &KeyBounds, reverse: bool) -> Result<Option<Arc<Block>>> {
        match bounds.as_slices() {
            (_, Bound::Unbounded) if reverse => self.keep(sled, sled.blocks.last().map_err(sled_error)?),
            (_, Bound::Included(upper)) if reverse => self.covering(sled, upper),
            (_, Bound::Excluded(upper)) if reverse => self.preceding(sled, upper),
            (Bound::Unbounded, _) => self.covering(sled, &[]),
            (Bound::Included(lower) | Bound::Excluded(lower), _) => self.covering(sled, lower),
        }
    }

    /// The block that covers a key.
    fn covering(&self, sled: &Sled, key: &[u8]) -> Result<Option<Arc<Block>>> {
        match self.cache.covering(key) {
            None => self.keep(sled, sled.covering(key)?),
            block => Ok(block),
        }
    }

    /// The block that covers the keys just before this one.
    fn preceding(&self, sled: &Sled, key: &[u8]) -> Result<Option<Arc<Block>>> {
        match self.cache.preceding(key) {
            None => self.keep(sled, sled.blocks.get_lt(key).map_err(sled_error)?),
            block => Ok(block),
        }
    }

    /// A block of sled's, which the cache keeps.
    fn keep(&self, sled: &Sled, found: Option<(sled::IVec, sled::IVec)>) -> Result<Option<Arc<Block>>> {
        let Some((start, entries)) = found else { return Ok(None) };
        let end = sled.following(&start)?.map(|(end, _)| Key::from(&*end));
        let block = Arc::new(Block { start: Key::from(&*start), end, entries: entries.as_ref().into() });
        self.cache.insert(&block);
        Ok(Some(block))
    }

    fn with<T>(&self, work: impl FnOnce(&Sled) -> Result<T>) -> Result<T> {
        let open = self.open.read();
        let sled = open.as_ref().ok_or_else(closed)?;
        protect(|| work(sled))
    }

    fn set_state(&self, state: &str) -> Result<()> {
        replace_file(&self.state, format!("{state}\n").as_bytes())
    }

    fn record_length(&self) -> Result<()> {
        self.set_state(&format!("{LENGTH}{}", self.bytes()))
    }

    fn check_files(&self) -> Result<()> {
        let file = db_file(&self.path);
        if self.bytes() == 0 {
            return Err(Error::Damaged(format!("'{}' is missing or empty", file.display())));
        }
        let state = fs::read_to_string(&self.state)
            .map_err(|error| Error::Damaged(format!("cannot read '{}': {error}", self.state.display())))?;
        let length = match state.trim_end() {
            WRITING => return Ok(()),
            state => state.strip_prefix(LENGTH).and_then(|length| length.parse::<u64>().ok()),
        };
        match length {
            None => Err(Error::Damaged(format!("'{}' makes no sense", self.state.display()))),
            Some(length) if length > self.bytes() => Err(Error::Damaged(format!(
                "'{}' was cut: it has {} of {length} bytes",
                file.display(),
                self.bytes()
            ))),
            Some(_) => Ok(()),
        }
    }
}

impl Sled {
    fn open(path: &Path, cache_bytes: u64) -> Result<Self> {
        let open = || protect(|| Sled::open_once(path, cache_bytes));
        open().or_else(|error| {
            // A damaged snapshot of sled's page table is rebuilt from its log.
            if move_snapshots_aside(path)? == 0 {
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
            .map_err(|error| damage(path, &error.to_string()))?;
        let blocks = db.open_tree(BLOCKS).map_err(|error| damage(path, &error.to_string()))?;
        let file = File::open(db_file(path)).map_err(|error| io_error("open", path, &error))?;
        Ok(Sled { db, blocks, file })
    }

    fn checkpoint(&self) -> Result<Sequence> {
        let value = self.db.get(CHECKPOINT).map_err(sled_error)?;
        let bytes: Option<[u8; 8]> = value.and_then(|value| value.as_ref().try_into().ok());
        bytes.map(u64::from_be_bytes).ok_or_else(|| Error::Damaged("sled has lost its checkpoint".into()))
    }

    /// The block that covers a key, with its key in sled.
    fn covering(&self, key: &[u8]) -> Result<Option<(sled::IVec, sled::IVec)>> {
        self.blocks.range::<&[u8], _>(..=key).next_back().transpose().map_err(sled_error)
    }

    /// The block behind the one with this key in sled.
    fn following(&self, routing: &[u8]) -> Result<Option<(sled::IVec, sled::IVec)>> {
        self.blocks.get_gt(routing).map_err(sled_error)
    }

    /// What the first of these writes change, which are in key order, in up to [`BATCH_BLOCKS`] blocks. Each batch makes
    /// sled wait for the disk.
    fn changes(&self, writes: &[Write]) -> Result<Changes> {
        let mut changes = Changes::default();
        for _ in 0..BATCH_BLOCKS {
            if changes.applied == writes.len() {
                break;
            }
            self.change_block(&writes[changes.applied..], &mut changes)?;
        }
        Ok(changes)
    }

    /// Adds what those of the writes change that fall into the block of the first.
    fn change_block(&self, writes: &[Write], changes: &mut Changes) -> Result<()> {
        let (routing, block) = self.covering(&writes[0].0)?.unwrap_or_default();
        let mut next = self.following(&routing)?;
        let within = |next: &Option<(sled::IVec, sled::IVec)>| {
            let end = next.as_ref().map(|(routing, _)| &**routing);
            writes.partition_point(|(key, _)| end.is_none_or(|end| &**key < end))
        };
        let mut applied = within(&next);
        let mut entries = merge(block::entries(&block)?, &writes[..applied]);
        // Blocks that deletes have emptied are joined with the ones behind them.
        while total(&entries) < TARGET_BYTES / 4
            && let Some((joined, block)) = next
        {
            entries.extend(block::entries(&block)?);
            next = self.following(&joined)?;
            changes.batch.remove(joined);
            let before = applied;
            applied = within(&next);
            entries = merge(entries, &writes[before..applied]);
        }
        let pieces = cut(&entries);
        if pieces.is_empty() {
            changes.batch.remove(&routing);
        }
        changes.spans.push((routing.clone(), next.map(|(end, _)| end)));
        changes.applied += applied;
        let mut routing = routing.to_vec();
        for (index, (start, block)) in pieces.into_iter().enumerate() {
            if index > 0 {
                routing = block::separator(&entries[start - 1].0, &entries[start].0).into();
            }
            changes.batch.insert(routing.as_slice(), block);
        }
        Ok(())
    }
}

/// Appends those entries of a block that are in a range. Returns how many bytes they have.
fn read(
    block: &Block,
    bounds: &KeyBounds,
    reverse: bool,
    values: bool,
    entries: &mut Vec<(Key, Bytes)>,
) -> Result<u64> {
    let (start, mut bytes) = (entries.len(), 0);
    let mut reader = block::Reader::new(&block.entries);
    while let Some((key, value)) = reader.next()? {
        if !bounds.is_after_lower(key) {
            continue;
        }
        if !bounds.is_before_upper(key) {
            break;
        }
        bytes += size(key) + size(value);
        let value = if values { value.into() } else { Bytes::default() };
        entries.push((Key::from(key), value));
    }
    if reverse {
        entries[start..].reverse();
    }
    Ok(bytes)
}

/// Lays writes over entries, both in key order.
fn merge(entries: Vec<(Key, Bytes)>, writes: &[Write]) -> Vec<(Key, Bytes)> {
    let mut merged = Vec::with_capacity(entries.len() + writes.len());
    let mut entries = entries.into_iter().peekable();
    for (key, value) in writes {
        while let Some(entry) = entries.next_if(|(old, _)| old < key) {
            merged.push(entry);
        }
        entries.next_if(|(old, _)| old == key);
        if let Some(value) = value {
            merged.push((key.clone(), Bytes::clone(value)));
        }
    }
    merged.extend(entries);
    merged
}

fn total(entries: &[(Key, Bytes)]) -> usize {
    entries.iter().map(|(key, value)| key.len() + value.len()).sum()
}

/// The blocks that hold these entries, each with the position of its first one: one block if they are few enough, else
/// blocks of some [`TARGET_BYTES`].
fn cut(entries: &[(Key, Bytes)]) -> Vec<(usize, Vec<u8>)> {
    let target = if total(entries) <= 2 * TARGET_BYTES { usize::MAX } else { TARGET_BYTES };
    let mut pieces = Vec::new();
    let (mut start, mut builder) = (0, Builder::default());
    for (index, (key, value)) in entries.iter().enumerate() {
        if builder.len() >= target {
            pieces.push((start, std::mem::take(&mut builder).finish()));
            start = index;
        }
        builder.push(key, value);
    }
    if start < entries.len() {
        pieces.push((start, builder.finish()));
    }
    pieces
}

/// Runs something on sled, whose panics become errors.
fn protect<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("no reason given");
        Err(Error::Damaged(format!("sled gave up: {text}")))
    })
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

fn db_file(path: &Path) -> PathBuf {
    path.join("db")
}

fn sled_error(error: sled::Error) -> Error {
    match error {
        sled::Error::Corruption { .. } => Error::Damaged(format!("sled reports: {error}")),
        error => Error::Storage(format!("sled reports: {error}")),
    }
}

fn damage(path: &Path, what: &str) -> Error {
    Error::Damaged(format!("sled cannot open '{}': {what}", path.display()))
}

fn closed() -> Error {
    Error::Storage("sled is closed after a failure and could not be opened again".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(count: usize, bytes: usize) -> Vec<(Key, Bytes)> {
        (0..count)
            .map(|number| (format!("key{number:05}").into_bytes().into(), vec![b'x'; bytes].into()))
            .collect()
    }

    #[test]
    fn blocks_are_cut_in_order_and_lose_nothing() {
        for entries in [entries(0, 0), entries(3, 10), entries(40, 100), entries(3, 60_000)] {
            let pieces = cut(&entries);
            let joined: Vec<_> =
                pieces.iter().flat_map(|(_, block)| block::entries(block).unwrap()).collect();
            assert_eq!(joined, entries);
            for (start, block) in &pieces {
                assert_eq!(block::entries(block).unwrap()[0], entries[*start]);
            }
        }
    }
}
