//! One record of the log: a group of commits that became durable together.
//!
//! ```text
//! record  = length u32 | CRC-32 u32 of salt and the rest | first sequence u64 | commits u32 | commit... | zeroes
//! commit  = writes u32 | write...
//! write   = key length u16 | value length u32 (u32::MAX: deleted) | key | value
//! ```
//!
//! Numbers are little-endian. The length counts the whole record without the zeroes that pad it to 8 bytes.

use crate::store::{Sequence, Write};

const HEADER_BYTES: usize = 20;
const ALIGNMENT: usize = 8;
const DELETED: u32 = u32::MAX;
/// When looking for a record behind damage: how many commits may have been in between.
const SEARCH_COMMITS: u64 = 1 << 24;

/// A record being filled with commits.
#[derive(Default)]
pub struct Group {
    bytes: Vec<u8>,
    commits: u32,
}

impl Group {
    /// Empties it for the next group.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.resize(HEADER_BYTES, 0);
        self.commits = 0;
    }

    /// Adds a commit. Keys and values are far below what their lengths can say; the store checks before.
    pub fn add(&mut self, writes: &[Write]) {
        self.bytes.extend(length(writes.len()).to_le_bytes());
        for (key, value) in writes {
            self.bytes.extend(u16::try_from(key.len()).unwrap_or(u16::MAX).to_le_bytes());
            let value_length = value.as_ref().map_or(DELETED, |value| length(value.len()));
            self.bytes.extend(value_length.to_le_bytes());
            self.bytes.extend(&key[..]);
            self.bytes.extend(value.as_deref().unwrap_or_default());
        }
        self.commits += 1;
    }

    /// How many commits are in it.
    pub fn commits(&self) -> u32 {
        self.commits
    }

    /// Bytes of the record, padding included.
    pub fn len(&self) -> usize {
        self.bytes.len().next_multiple_of(ALIGNMENT)
    }

    /// The finished record.
    pub fn seal(&mut self, first: Sequence, salt: u64) -> &[u8] {
        let end = self.bytes.len();
        self.bytes[..4].copy_from_slice(&length(end).to_le_bytes());
        self.bytes[8..16].copy_from_slice(&first.to_le_bytes());
        self.bytes[16..20].copy_from_slice(&self.commits.to_le_bytes());
        let crc = checksum(&self.bytes, salt);
        self.bytes[4..8].copy_from_slice(&crc.to_le_bytes());
        self.bytes.resize(self.len(), 0);
        &self.bytes
    }
}

/// A record read back.
pub struct Found {
    /// Sequence of its first commit.
    pub first: Sequence,
    /// The writes of each commit.
    pub commits: Vec<Vec<Write>>,
    /// Where the next record begins.
    pub end: usize,
}

/// The whole record at this place, or None if there is none.
pub fn read(bytes: &[u8], at: usize, salt: u64) -> Option<Found> {
    let record = whole(bytes, at, salt)?;
    let mut rest = &record[16..];
    let commits = take_u32(&mut rest)?;
    let commits = (0..commits).map(|_| take_commit(&mut rest)).collect::<Option<_>>()?;
    Some(Found { first: first(record), commits, end: at + record.len().next_multiple_of(ALIGNMENT) })
}

/// Where behind `at` there is a whole record of a commit from `expected` on, if anywhere.
pub fn search(bytes: &[u8], at: usize, salt: u64, expected: Sequence) -> Option<usize> {
    (at.next_multiple_of(ALIGNMENT)..bytes.len()).step_by(ALIGNMENT).skip(1).find(|place| {
        let plausible = bytes.get(place + 8..place + 16).is_some_and(|field| {
            let first = u64::from_le_bytes(std::array::from_fn(|byte| field[byte]));
            (expected..expected.saturating_add(SEARCH_COMMITS)).contains(&first)
        });
        plausible && whole(bytes, *place, salt).is_some()
    })
}

fn whole(bytes: &[u8], at: usize, salt: u64) -> Option<&[u8]> {
    let mut header = bytes.get(at..at + HEADER_BYTES)?;
    let length = usize::try_from(take_u32(&mut header)?).ok()?;
    let crc = take_u32(&mut header)?;
    let record = bytes.get(at..at.checked_add(length)?).filter(|record| record.len() >= HEADER_BYTES)?;
    (checksum(record, salt) == crc).then_some(record)
}

fn first(record: &[u8]) -> Sequence {
    u64::from_le_bytes(std::array::from_fn(|byte| record[8 + byte]))
}

fn checksum(record: &[u8], salt: u64) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&salt.to_le_bytes());
    hasher.update(&record[..4]);
    hasher.update(&record[8..]);
    hasher.finalize()
}

fn take_commit(rest: &mut &[u8]) -> Option<Vec<Write>> {
    let writes = take_u32(rest)?;
    (0..writes)
        .map(|_| {
            let key_length = u16::from_le_bytes(take(rest, 2)?.try_into().ok()?);
            let value_length = take_u32(rest)?;
            let key = take(rest, key_length.into())?.into();
            let value = match value_length {
                DELETED => None,
                length => Some(take(rest, usize::try_from(length).ok()?)?.into()),
            };
            Some((key, value))
        })
        .collect()
}

fn take_u32(rest: &mut &[u8]) -> Option<u32> {
    Some(u32::from_le_bytes(take(rest, 4)?.try_into().ok()?))
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(taken)
}

fn length(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn writes(number: u8) -> Vec<Write> {
        vec![([number].into(), Some([number; 5].as_slice().into())), ([number, 1].into(), None)]
    }

    fn log() -> Vec<u8> {
        let mut bytes = Vec::new();
        for number in 0..3 {
            let mut group = Group::default();
            group.clear();
            group.add(&writes(number));
            group.add(&writes(number + 100));
            bytes.extend(group.seal(1 + 2 * u64::from(number), 7));
        }
        bytes.resize(bytes.len() + 100, 0);
        bytes
    }

    #[test]
    fn records_come_back() {
        let bytes = log();
        let first = read(&bytes, 0, 7).unwrap();
        assert_eq!((first.first, first.commits), (1, vec![writes(0), writes(100)]));
        let second = read(&bytes, first.end, 7).unwrap();
        assert_eq!((second.first, second.commits), (3, vec![writes(1), writes(101)]));
        assert!(read(&bytes, 0, 8).is_none(), "another use of the file");
    }

    #[test]
    fn a_whole_record_is_found_behind_damage_and_none_at_the_end() {
        let bytes = log();
        let (second, third) = (read(&bytes, 0, 7).unwrap().end, read(&bytes, 0, 7).unwrap().end * 2);
        assert_eq!(search(&bytes, 0, 7, 1), Some(second));
        assert_eq!(search(&bytes, second, 7, 3), Some(third));
        assert_eq!(search(&bytes, third, 7, 5), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_record_or_none(mut bytes in prop::collection::vec(any::<u8>(), 20..200)) {
            let length = u32::try_from(bytes.len()).unwrap();
            bytes[..4].copy_from_slice(&length.to_le_bytes());
            bytes[16..20].copy_from_slice(&2_u32.to_le_bytes());
            let crc = checksum(&bytes, 0).to_le_bytes();
            bytes[4..8].copy_from_slice(&crc);
            let _ = read(&bytes, 0, 0);
        }
    }
}
