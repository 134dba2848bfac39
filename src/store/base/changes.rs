//! What writes make of the blocks in sled.

use sled::{Batch, IVec};

use super::{
    block::{self, Builder, TARGET_BYTES},
    packing,
    tree::Sled,
};
use crate::{
    error::Result,
    store::{Bytes, Key, Write},
};

/// Blocks changed at a time: while sled takes them over, readers wait.
const BATCH_BLOCKS: usize = 128;

/// What a part of a checkpoint changes.
#[derive(Default)]
pub struct Changes {
    /// For sled.
    pub batch: Batch,
    /// How many writes this takes in.
    pub applied: usize,
    /// Where the changed blocks begin, and where the one behind them does.
    pub spans: Vec<(IVec, Option<IVec>)>,
}

impl Changes {
    /// What the first of these writes change, which are in key order, in up to [`BATCH_BLOCKS`] blocks. Each batch makes
    /// sled wait for the disk.
    pub fn of(sled: &Sled, writes: &[Write]) -> Result<Changes> {
        let mut changes = Changes::default();
        for _ in 0..BATCH_BLOCKS {
            if changes.applied == writes.len() {
                break;
            }
            changes.add(sled, &writes[changes.applied..])?;
        }
        Ok(changes)
    }

    /// Adds what those of the writes change that fall into the block of the first one.
    fn add(&mut self, sled: &Sled, writes: &[Write]) -> Result<()> {
        let (routing, block) = sled.covering(&writes[0].0)?.unwrap_or_default();
        let mut next = sled.following(&routing)?;
        let within = |next: &Option<(IVec, IVec)>| {
            let end = next.as_ref().map(|(routing, _)| &**routing);
            writes.partition_point(|(key, _)| end.is_none_or(|end| &**key < end))
        };
        let mut applied = within(&next);
        let mut entries = merge(block::entries(&packing::unpack(&block)?)?, &writes[..applied]);
        // Blocks that deletes have emptied are joined with the ones behind them.
        while total(&entries) < TARGET_BYTES / 4
            && let Some((joined, block)) = next
        {
            entries.extend(block::entries(&packing::unpack(&block)?)?);
            next = sled.following(&joined)?;
            self.batch.remove(joined);
            let before = applied;
            applied = within(&next);
            entries = merge(entries, &writes[before..applied]);
        }
        let pieces = cut(&entries);
        if pieces.is_empty() {
            self.batch.remove(&routing);
        }
        self.spans.push((routing.clone(), next.map(|(end, _)| end)));
        self.applied += applied;
        let mut routing = routing.to_vec();
        for (index, (start, block)) in pieces.into_iter().enumerate() {
            if index > 0 {
                routing = block::separator(&entries[start - 1].0, &entries[start].0).into();
            }
            self.batch.insert(routing.as_slice(), packing::pack(block));
        }
        Ok(())
    }
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
