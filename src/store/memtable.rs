//! The recent writes in memory, in all versions that a snapshot may still want.

use std::collections::BTreeMap;

use parking_lot::RwLock;
use smallvec::SmallVec;

use super::{Bytes, Key, KeyBounds, Sequence};

/// What one commit made of a key: a value, or None for a deletion.
#[derive(Clone, Debug)]
struct Version {
    sequence: Sequence,
    value: Option<Bytes>,
}

/// Versions of one key, oldest first; hardly ever more than one.
type Versions = SmallVec<[Version; 1]>;

/// Bytes that an entry costs beside its key and value: the tree's share and the two allocations.
const ENTRY_OVERHEAD: u64 = 96;

/// An ordered map of keys to their versions.
#[derive(Default)]
pub struct Memtable {
    inner: RwLock<Inner>,
}

#[derive(Default)]
struct Inner {
    keys: BTreeMap<Key, Versions>,
    bytes: u64,
}

/// Part of a range: the keys seen and, if there may be more, the last key looked at.
pub struct Chunk {
    /// Keys with their value or deletion, in the order asked for.
    pub entries: Vec<(Key, Option<Bytes>)>,
    /// The last key looked at; None when the range is exhausted.
    pub stopped_at: Option<Key>,
}

impl Memtable {
    /// Approximate bytes held.
    pub fn bytes(&self) -> u64 {
        self.inner.read().bytes
    }

    /// The newest version of a key that a snapshot at `sequence` sees: None if there is none here.
    pub fn get(&self, key: &[u8], sequence: Sequence) -> Option<Option<Bytes>> {
        let inner = self.inner.read();
        visible(inner.keys.get(key)?, sequence).map(|version| version.value.clone())
    }

    /// Whether a key has a version newer than `sequence`.
    pub fn changed_since(&self, key: &[u8], sequence: Sequence) -> bool {
        let inner = self.inner.read();
        inner.keys.get(key).and_then(|versions| versions.last()).is_some_and(|last| last.sequence > sequence)
    }

    /// Adds the writes of one commit. Versions that no snapshot from `oldest` on can see are dropped.
    pub fn insert(&self, writes: Vec<(Key, Option<Bytes>)>, sequence: Sequence, oldest: Sequence) {
        let mut inner = self.inner.write();
        let Inner { keys, bytes } = &mut *inner;
        for (key, value) in writes {
            let (key_bytes, value_bytes) = (size(&key), value.as_deref().map_or(0, size));
            *bytes += value_bytes;
            let versions = keys.entry(key).or_insert_with(|| {
                *bytes += key_bytes + ENTRY_OVERHEAD;
                Versions::new()
            });
            if let Some(seen) = versions.iter().rposition(|version| version.sequence <= oldest) {
                *bytes -= versions.drain(..seen).map(|version| version_bytes(&version)).sum::<u64>();
            }
            versions.push(Version { sequence, value });
        }
    }

    /// Takes back the versions of a sequence, whose commit failed.
    pub fn undo(&self, keys: impl Iterator<Item = Key>, sequence: Sequence) {
        let mut inner = self.inner.write();
        for key in keys {
            inner.retain_versions(&key, |version| version.sequence != sequence);
        }
    }

    /// Forgets the versions up to `horizon`, which are in the base, of the first `limit` keys of a range. Returns the
    /// last of these keys if there may be more.
    pub fn prune(&self, bounds: &KeyBounds, horizon: Sequence, limit: usize) -> Option<Key> {
        let mut inner = self.inner.write();
        let range = inner.keys.range::<[u8], _>(bounds.as_slices());
        let keys: Vec<Key> = range.take(limit).map(|(key, _)| key.clone()).collect();
        for key in &keys {
            inner.retain_versions(key, |version| version.sequence > horizon);
        }
        if keys.len() == limit { keys.into_iter().next_back() } else { None }
    }

    /// What a snapshot at `sequence` sees of a range here, looking at no more than `limit` keys.
    pub fn range(&self, bounds: &KeyBounds, reverse: bool, sequence: Sequence, limit: usize) -> Chunk {
        let inner = self.inner.read();
        let range = inner.keys.range::<[u8], _>(bounds.as_slices());
        if reverse { chunk(range.rev(), sequence, limit) } else { chunk(range, sequence, limit) }
    }
}

impl Inner {
    fn retain_versions(&mut self, key: &[u8], keep: impl Fn(&Version) -> bool) {
        let Some(versions) = self.keys.get_mut(key) else { return };
        let before: u64 = versions.iter().map(version_bytes).sum();
        versions.retain(|version| keep(version));
        let after: u64 = versions.iter().map(version_bytes).sum();
        self.bytes -= before - after;
        if versions.is_empty() {
            self.keys.remove(key);
            self.bytes -= size(key) + ENTRY_OVERHEAD;
        }
    }
}

fn chunk<'a>(
    range: impl Iterator<Item = (&'a Key, &'a Versions)>,
    sequence: Sequence,
    limit: usize,
) -> Chunk {
    let mut entries = Vec::new();
    for (looked_at, (key, versions)) in range.enumerate() {
        if let Some(version) = visible(versions, sequence) {
            entries.push((key.clone(), version.value.clone()));
        }
        if looked_at + 1 == limit {
            return Chunk { entries, stopped_at: Some(key.clone()) };
        }
    }
    Chunk { entries, stopped_at: None }
}

fn visible(versions: &Versions, sequence: Sequence) -> Option<&Version> {
    versions.iter().rev().find(|version| version.sequence <= sequence)
}

fn version_bytes(version: &Version) -> u64 {
    version.value.as_deref().map_or(0, size)
}

/// Length as sizes are counted.
pub fn size(bytes: &[u8]) -> u64 {
    bytes.len() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(key: &str, value: Option<&str>) -> Vec<(Key, Option<Bytes>)> {
        vec![(key.as_bytes().into(), value.map(|value| value.as_bytes().into()))]
    }

    fn get(table: &Memtable, key: &str, sequence: Sequence) -> Option<Option<String>> {
        let value = table.get(key.as_bytes(), sequence)?;
        Some(value.map(|value| String::from_utf8(value.to_vec()).unwrap()))
    }

    #[test]
    fn each_snapshot_sees_its_version() {
        let table = Memtable::default();
        table.insert(write("k", Some("one")), 1, 0);
        table.insert(write("k", None), 3, 1);
        table.insert(write("k", Some("two")), 5, 1);
        assert_eq!(get(&table, "k", 0), None);
        assert_eq!(get(&table, "k", 2), Some(Some("one".into())));
        assert_eq!(get(&table, "k", 4), Some(None));
        assert_eq!(get(&table, "k", 9), Some(Some("two".into())));
        assert!(table.changed_since(b"k", 4) && !table.changed_since(b"k", 5));
    }

    #[test]
    fn versions_that_nobody_can_see_are_dropped_and_their_bytes_given_back() {
        let table = Memtable::default();
        for sequence in 1..1000 {
            table.insert(write("hot", Some("0123456789")), sequence, sequence - 1);
        }
        assert!(table.bytes() < 3 * ENTRY_OVERHEAD, "{}", table.bytes());
        assert_eq!(table.prune(&KeyBounds::all(), 1000, 10), None);
        assert_eq!(table.bytes(), 0);
    }

    #[test]
    fn an_undone_commit_leaves_the_one_before() {
        let table = Memtable::default();
        table.insert(write("k", Some("one")), 1, 0);
        table.insert(write("k", Some("two")), 2, 0);
        table.undo([Key::from(*b"k")].into_iter(), 2);
        assert_eq!(get(&table, "k", 9), Some(Some("one".into())));
    }
}
