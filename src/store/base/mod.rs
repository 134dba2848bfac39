//! What is older than the memtable: sled, which nothing outside this folder knows.
//!
//! One sled tree holds [`block`]s, [packed](packing). A block's key in sled is a lower bound of the keys in it, and it covers all keys from
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

mod block;
mod cache;
mod changes;
mod packing;
mod tree;

use std::{fs, ops::Bound, path::PathBuf, sync::Arc};

use parking_lot::RwLock;
use tracing::warn;

use self::{
    cache::{Block, BlockCache},
    changes::Changes,
    tree::{Sled, db_file, protect, sled_error},
};
use super::{
    Bytes, Key, KeyBounds, MIB, Options, Sequence, Write,
    folder::{Folder, replace_file, sync_folder},
    io_error,
    memtable::size,
};
use crate::error::{Error, Result};

/// A range read ends after so many bytes, whatever number of keys was asked for.
const CHUNK_BYTES: u64 = MIB;
const WRITING: &str = "writing";
const LENGTH: &str = "length ";

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
            Err(error @ Error::Damaged(_)) if options.force_recovery => {
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
            let changes = self.with(|sled| Changes::of(sled, writes))?;
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
            sled.finish_checkpoint(sequence)?;
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
            (_, Bound::Unbounded) if reverse => self.keep(sled, sled.last()?),
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
            None => self.keep(sled, sled.preceding(key)?),
            block => Ok(block),
        }
    }

    /// A block of sled's, which the cache keeps.
    fn keep(&self, sled: &Sled, found: Option<(sled::IVec, sled::IVec)>) -> Result<Option<Arc<Block>>> {
        let Some((start, entries)) = found else { return Ok(None) };
        let end = sled.following(&start)?.map(|(end, _)| Key::from(&*end));
        let block =
            Arc::new(Block { start: Key::from(&*start), end, entries: packing::unpack(&entries)?.into() });
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

fn closed() -> Error {
    Error::Storage("sled is closed after a failure and could not be opened again".into())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::store::Store;

    fn open(folder: &Path) -> Store {
        let options = Options { disk_reserve: 0, disk_warning: 0, ..Options::default() };
        Store::open(folder, options).unwrap()
    }

    /// Values that repeat themselves.
    fn put(store: &Store, numbers: std::ops::Range<u32>) {
        let write = |number: u32| {
            (number.to_be_bytes().as_slice().into(), Some("join us ".repeat(20).into_bytes().into()))
        };
        pollster::block_on(store.commit(store.snapshot(), numbers.map(write).collect())).unwrap();
        store.checkpoint().unwrap();
    }

    /// sled's blocks, as it keeps them.
    fn kept(store: &Store) -> Vec<(sled::IVec, sled::IVec)> {
        let blocks = |sled: &Sled| sled.blocks.iter().collect::<sled::Result<_>>().map_err(sled_error);
        store.shared.base.with(blocks).unwrap()
    }

    #[test]
    fn a_lock_that_is_about_to_go_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        drop(open(folder.path()));
        let file = fs::File::open(folder.path().join("base").join("db")).unwrap();
        file.lock().unwrap();
        let unlock = std::thread::spawn(move || {
            std::thread::sleep(std::time::Duration::from_millis(300));
            drop(file);
        });
        open(folder.path());
        unlock.join().unwrap();
    }

    #[test]
    fn blocks_of_format_1_are_read_and_packed_when_they_change() {
        let folder = tempfile::tempdir().unwrap();
        let open = || open(folder.path());
        let marker = folder.path().join("cometql.store");
        let store = open();
        put(&store, 0..1_000);
        let packed = kept(&store);
        let mut plain = sled::Batch::default();
        for (start, block) in &packed {
            plain.insert(start, packing::unpack(block).unwrap().as_ref());
        }
        let rewrite = |sled: &Sled| {
            sled.blocks.apply_batch(plain.clone()).and_then(|()| sled.db.flush()).map_err(sled_error)
        };
        store.shared.base.with(rewrite).unwrap();
        let length =
            |blocks: &[(sled::IVec, sled::IVec)]| blocks.iter().map(|(_, block)| block.len()).sum::<usize>();
        assert!(length(&kept(&store)) > 3 * length(&packed));
        drop(store);
        fs::write(&marker, "cometql store, format 1\nready\n").unwrap();

        let store = open();
        assert_eq!(fs::read_to_string(&marker).unwrap(), "cometql store, format 2\nready\n");
        assert_eq!(store.snapshot().range(KeyBounds::all(), false).count(), 1_000);
        put(&store, 0..1_000);
        assert_eq!(length(&kept(&store)), length(&packed));
        assert_eq!(store.snapshot().range(KeyBounds::all(), false).count(), 1_000);
    }
}
