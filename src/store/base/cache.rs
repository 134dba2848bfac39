//! The blocks that were read lately, in order, so that most reads need not ask sled: it copies a page of up to 16 blocks
//! for each step of an iterator.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::Bound,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use parking_lot::RwLock;

use crate::store::{Key, memtable::size};

/// Bytes that a block costs beside its entries and where it begins and ends: the tree's and the queue's share, and the
/// allocations.
const OVERHEAD: u64 = 192;

/// A block and the keys that it covers.
#[derive(Debug)]
pub struct Block {
    /// The first key it covers, which is its key in sled.
    pub start: Key,
    /// Where the next block begins; None for the last one.
    pub end: Option<Key>,
    /// Its entries.
    pub entries: Box<[u8]>,
}

/// Blocks as sled has them, up to some bytes. Its owner sees to it that nobody reads while sled is ahead of it.
pub struct BlockCache {
    capacity: u64,
    inner: RwLock<Inner>,
}

#[derive(Default)]
struct Inner {
    blocks: BTreeMap<Key, Slot>,
    /// Where the blocks begin, in the order in which they are looked at when room is needed. May name some that are gone.
    queue: VecDeque<Key>,
    bytes: u64,
}

struct Slot {
    block: Arc<Block>,
    /// It was read since it was last looked at.
    used: AtomicBool,
}

impl BlockCache {
    /// An empty cache of at most so many bytes.
    pub fn new(capacity: u64) -> Self {
        BlockCache { capacity, inner: RwLock::default() }
    }

    /// The block that covers a key.
    pub fn covering(&self, key: &[u8]) -> Option<Arc<Block>> {
        let inner = self.inner.read();
        let slot = inner.last(Bound::Included(key))?;
        slot.block.end.as_deref().is_none_or(|end| key < end).then(|| slot.take())
    }

    /// The block that covers the keys just before this one.
    pub fn preceding(&self, key: &[u8]) -> Option<Arc<Block>> {
        let inner = self.inner.read();
        let slot = inner.last(Bound::Excluded(key))?;
        slot.block.end.as_deref().is_none_or(|end| key <= end).then(|| slot.take())
    }

    /// Keeps a block, and forgets others for it.
    pub fn insert(&self, block: &Arc<Block>) {
        let mut inner = self.inner.write();
        inner.bytes += cost(block);
        let slot = Slot { block: Arc::clone(block), used: AtomicBool::new(false) };
        match inner.blocks.insert(block.start.clone(), slot) {
            Some(replaced) => inner.bytes -= cost(&replaced.block),
            None => inner.queue.push_back(block.start.clone()),
        }
        if inner.queue.len() > 2 * inner.blocks.len() {
            inner.queue = inner.blocks.keys().cloned().collect();
        }
        while inner.bytes > self.capacity
            && let Some(start) = inner.queue.pop_front()
        {
            let slot = inner.blocks.get_mut(&start);
            if slot.is_some_and(|slot| std::mem::take(slot.used.get_mut())) {
                inner.queue.push_back(start);
            } else {
                inner.remove(&start);
            }
        }
    }

    /// Forgets the blocks that begin in a range, and the one before it, whose end may have moved.
    pub fn forget(&self, start: &[u8], end: Option<&[u8]>) {
        let mut inner = self.inner.write();
        let end = end.map_or(Bound::Unbounded, Bound::Excluded);
        let changed = inner.blocks.range::<[u8], _>((Bound::Included(start), end));
        let before = inner.last(Bound::Excluded(start));
        let forgotten = before.into_iter().chain(changed.map(|(_, slot)| slot));
        let forgotten: Vec<Key> = forgotten.map(|slot| slot.block.start.clone()).collect();
        forgotten.iter().for_each(|start| inner.remove(start));
    }

    /// Forgets everything.
    pub fn clear(&self) {
        *self.inner.write() = Inner::default();
    }
}

impl Slot {
    fn take(&self) -> Arc<Block> {
        // Most are marked already, and a write would take the line from other cores.
        if !self.used.load(Ordering::Relaxed) {
            self.used.store(true, Ordering::Relaxed);
        }
        Arc::clone(&self.block)
    }
}

impl Inner {
    /// The last block that begins before a bound.
    fn last(&self, bound: Bound<&[u8]>) -> Option<&Slot> {
        self.blocks.range::<[u8], _>((Bound::Unbounded, bound)).next_back().map(|(_, slot)| slot)
    }

    fn remove(&mut self, start: &[u8]) {
        if let Some(slot) = self.blocks.remove(start) {
            self.bytes -= cost(&slot.block);
        }
    }
}

fn cost(block: &Block) -> u64 {
    // The start stands in the block, in the tree and in the queue.
    3 * size(&block.start) + block.end.as_deref().map_or(0, size) + size(&block.entries) + OVERHEAD
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(start: &str, end: Option<&str>) -> Arc<Block> {
        let key = |text: &str| Key::from(text.as_bytes());
        Arc::new(Block { start: key(start), end: end.map(key), entries: vec![0; 1000].into() })
    }

    fn starts(found: Option<Arc<Block>>) -> Option<String> {
        found.map(|block| String::from_utf8(block.start.to_vec()).unwrap())
    }

    #[test]
    fn a_block_is_found_by_what_it_covers_only() {
        let cache = BlockCache::new(1 << 20);
        cache.insert(&block("", Some("d")));
        cache.insert(&block("m", None));
        for (key, expected) in [("", Some("")), ("c", Some("")), ("d", None), ("l", None), ("m", Some("m"))] {
            assert_eq!(starts(cache.covering(key.as_bytes())).as_deref(), expected, "covering {key}");
        }
        for (key, expected) in [("", None), ("d", Some("")), ("da", None), ("m", None), ("z", Some("m"))] {
            assert_eq!(starts(cache.preceding(key.as_bytes())).as_deref(), expected, "preceding {key}");
        }
    }

    #[test]
    fn what_changed_is_forgotten_and_the_block_before_it() {
        let cache = BlockCache::new(1 << 20);
        for (start, end) in [("", "b"), ("b", "c"), ("c", "d"), ("d", "e")] {
            cache.insert(&block(start, Some(end)));
        }
        cache.forget(b"c", Some(b"d"));
        let left = ["", "b", "c", "d"].map(|key| cache.covering(key.as_bytes()).is_some());
        assert_eq!(left, [true, false, false, true]);
        for _ in 0..100 {
            cache.forget(b"", None);
            assert_eq!(cache.inner.read().bytes, 0);
            cache.insert(&block("", None));
        }
        assert!(cache.inner.read().queue.len() <= 2);
    }

    #[test]
    fn it_keeps_what_is_used_and_stays_within_its_bytes() {
        let cache = BlockCache::new(20_000);
        cache.insert(&block("", Some("0")));
        for number in 10..90 {
            cache.insert(&block(&number.to_string(), Some(&(number + 1).to_string())));
            assert!(cache.covering(b"").is_some(), "{number}");
            let inner = cache.inner.read();
            assert!(inner.bytes <= 20_000 && inner.queue.len() == inner.blocks.len());
        }
        assert!(cache.covering(b"89").is_some() && cache.covering(b"10").is_none());
    }
}
