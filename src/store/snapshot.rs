//! Consistent views of the data.
//!
//! A snapshot at sequence S shows, of each key, the newest version up to S: from the memtable if it is there, else from
//! the base. That is right at any time, because the base never holds versions newer than the oldest live snapshot, and
//! because what leaves the memtable is in the base before. Readers therefore look into the memtable first.
//!
//! A snapshot that keeps too much in memory for too long is given up: from then on the base may hold newer versions, and
//! reading it is an error. The flag is set before the base changes and looked at after the base was read.

use std::{
    collections::{BTreeMap, VecDeque, btree_map::Entry},
    iter::Peekable,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use super::{Bytes, Key, KeyBounds, Sequence, Shared};
use crate::error::{Error, Result};

/// Keys read at a time: few at first, since most ranges are short, then more.
const FIRST_CHUNK: usize = 16;
const LARGEST_CHUNK: usize = 512;

/// The sequence that is visible and the snapshots that are alive.
pub struct Snapshots {
    visible: AtomicU64,
    live: Mutex<BTreeMap<Sequence, Lease>>,
}

/// The right of all snapshots at one sequence to see it.
struct Lease {
    holders: usize,
    since: Instant,
    given_up: Arc<AtomicBool>,
}

/// The data as of one commit. Clones share it.
#[derive(Clone)]
pub struct Snapshot(Arc<Held>);

struct Held {
    sequence: Sequence,
    since: Instant,
    given_up: Arc<AtomicBool>,
    shared: Arc<Shared>,
}

impl Snapshots {
    /// Starts with the last commit that was recovered.
    pub fn new(visible: Sequence) -> Self {
        Snapshots { visible: AtomicU64::new(visible), live: Mutex::default() }
    }

    /// The last commit that new snapshots see.
    pub fn visible(&self) -> Sequence {
        self.visible.load(Ordering::Acquire)
    }

    /// Shows commits up to this one to new snapshots.
    pub fn publish(&self, sequence: Sequence) {
        self.visible.store(sequence, Ordering::Release);
    }

    /// The oldest sequence that anybody may still read.
    pub fn oldest(&self) -> Sequence {
        let live = self.live.lock();
        live.keys().next().copied().unwrap_or_else(|| self.visible())
    }

    /// How many snapshots are alive and how long the oldest has been.
    pub fn live(&self) -> (usize, Duration) {
        let live = self.live.lock();
        let age = live.values().next().map_or(Duration::ZERO, |lease| lease.since.elapsed());
        (live.values().map(|lease| lease.holders).sum(), age)
    }

    /// Gives up the snapshots below a sequence that are at least this old. Returns how many.
    pub fn give_up(&self, below: Sequence, age: Duration) -> usize {
        let mut given_up = 0;
        self.live.lock().retain(|sequence, lease| {
            let keep = *sequence >= below || lease.since.elapsed() < age;
            if !keep {
                lease.given_up.store(true, Ordering::SeqCst);
                given_up += lease.holders;
            }
            keep
        });
        given_up
    }
}

impl Snapshot {
    pub(super) fn take(shared: &Arc<Shared>) -> Self {
        let mut live = shared.snapshots.live.lock();
        let sequence = shared.snapshots.visible();
        let lease = live.entry(sequence).or_insert_with(|| Lease {
            holders: 0,
            since: Instant::now(),
            given_up: Arc::default(),
        });
        lease.holders += 1;
        let (since, given_up) = (lease.since, Arc::clone(&lease.given_up));
        drop(live);
        Snapshot(Arc::new(Held { sequence, since, given_up, shared: Arc::clone(shared) }))
    }

    /// The last commit it shows.
    pub fn sequence(&self) -> Sequence {
        self.0.sequence
    }

    /// The value of a key.
    pub fn get(&self, key: &[u8]) -> Result<Option<Bytes>> {
        let shared = &self.0.shared;
        if let Some(value) = shared.memtable.get(key, self.0.sequence) {
            return Ok(value);
        }
        let value = shared.base.get(key)?;
        self.check()?;
        Ok(value)
    }

    /// The entries of a range, in the order of their keys or backwards. The iterator keeps the snapshot alive.
    pub fn range(&self, bounds: KeyBounds, reverse: bool) -> Scan {
        let done = bounds.is_empty();
        Scan {
            snapshot: self.clone(),
            bounds,
            reverse,
            values: true,
            chunk: FIRST_CHUNK,
            buffer: VecDeque::new(),
            done,
        }
    }

    /// How many keys a range has.
    pub fn count(&self, bounds: KeyBounds) -> Result<u64> {
        let mut keys = Scan { values: false, ..self.range(bounds, false) };
        keys.try_fold(0, |count, entry| entry.map(|_| count + 1))
    }

    /// An error if it was given up.
    pub fn check(&self) -> Result<()> {
        if self.0.given_up.load(Ordering::SeqCst) {
            Err(Error::SnapshotTooOld(self.0.since.elapsed().as_secs()))
        } else {
            Ok(())
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut live = self.shared.snapshots.live.lock();
        // One that was given up is no longer listed; the sequence may have a new lease since.
        if let Entry::Occupied(mut lease) = live.entry(self.sequence)
            && Arc::ptr_eq(&lease.get().given_up, &self.given_up)
        {
            lease.get_mut().holders -= 1;
            if lease.get().holders == 0 {
                lease.remove();
            }
        }
    }
}

/// The entries of a range, read a chunk at a time.
pub struct Scan {
    snapshot: Snapshot,
    /// What is still to be read.
    bounds: KeyBounds,
    reverse: bool,
    /// Whether values are wanted, or empty ones do.
    values: bool,
    chunk: usize,
    buffer: VecDeque<(Key, Bytes)>,
    done: bool,
}

impl Scan {
    fn fill(&mut self) -> Result<()> {
        let (Held { sequence, shared, .. }, reverse) = (&*self.snapshot.0, self.reverse);
        let recent = shared.memtable.range(&self.bounds, reverse, *sequence, self.chunk);
        let part = match &recent.stopped_at {
            Some(key) => &self.bounds.up_to(key.clone(), reverse),
            None => &self.bounds,
        };
        let old = shared.base.range(part, reverse, self.chunk, self.values)?;
        self.snapshot.check()?;
        let mut recent_entries = recent.entries;
        if let Some(key) = &old.stopped_at {
            recent_entries.retain(|(recent, _)| if reverse { recent >= key } else { recent <= key });
        }
        self.buffer = if recent_entries.is_empty() {
            old.entries.into()
        } else {
            merge(recent_entries, old.entries, reverse)
        };
        match old.stopped_at.or(recent.stopped_at) {
            Some(key) => self.bounds.go_on_after(key, reverse),
            None => self.done = true,
        }
        self.done |= self.bounds.is_empty();
        self.chunk = (self.chunk * 2).min(LARGEST_CHUNK);
        Ok(())
    }
}

impl Iterator for Scan {
    type Item = Result<(Key, Bytes)>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.buffer.is_empty() {
            if self.done {
                return None;
            }
            if let Err(error) = self.fill() {
                self.done = true;
                return Some(Err(error));
            }
        }
        self.buffer.pop_front().map(Ok)
    }
}

/// Lays recent writes over old entries.
fn merge(recent: Vec<(Key, Option<Bytes>)>, old: Vec<(Key, Bytes)>, reverse: bool) -> VecDeque<(Key, Bytes)> {
    let mut merged = VecDeque::with_capacity(recent.len() + old.len());
    let mut old: Peekable<_> = old.into_iter().peekable();
    let precedes = |a: &Key, b: &Key| if reverse { a > b } else { a < b };
    for (key, value) in recent {
        while let Some(entry) = old.next_if(|(old, _)| precedes(old, &key)) {
            merged.push_back(entry);
        }
        old.next_if(|(old, _)| *old == key);
        if let Some(value) = value {
            merged.push_back((key, value));
        }
    }
    merged.extend(old);
    merged
}
