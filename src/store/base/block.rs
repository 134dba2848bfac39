//! Several entries of the key space packed into one value of sled.
//!
//! sled splits a page at 16 entries and spends an allocation, a pointer and a length on each, so that a million rows of
//! 150 bytes take four times their size in memory. A block holds some [`TARGET_BYTES`] of consecutive entries, each key
//! without what it shares with the key before it:
//!
//! ```text
//! entry = shared prefix, rest of the key, value (their lengths as LEB128) | rest of the key | value
//! ```

use crate::{
    error::{Error, Result},
    store::{Bytes, Key},
};

/// A block is split when it grows above twice this.
pub const TARGET_BYTES: usize = 1024;

/// Appends entries, in ascending order, to a block.
#[derive(Default)]
pub struct Builder {
    bytes: Vec<u8>,
    last_key: Vec<u8>,
}

impl Builder {
    /// Appends an entry.
    pub fn push(&mut self, key: &[u8], value: &[u8]) {
        let shared = key.iter().zip(&self.last_key).take_while(|(a, b)| a == b).count();
        put_length(shared, &mut self.bytes);
        put_length(key.len() - shared, &mut self.bytes);
        put_length(value.len(), &mut self.bytes);
        self.bytes.extend(&key[shared..]);
        self.bytes.extend(value);
        self.last_key.truncate(shared);
        self.last_key.extend(&key[shared..]);
    }

    /// Bytes of the block so far.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The block.
    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

/// Reads a block's entries from the front.
pub struct Reader<'a> {
    rest: &'a [u8],
    key: Vec<u8>,
}

impl<'a> Reader<'a> {
    /// Reads this block.
    pub fn new(block: &'a [u8]) -> Self {
        Reader { rest: block, key: Vec::with_capacity(64) }
    }

    /// The next entry; the key lives until the one after it.
    pub fn next(&mut self) -> Result<Option<(&[u8], &'a [u8])>> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let shared = self.length()?;
        let own = self.length()?;
        let value = self.length()?;
        if shared > self.key.len() {
            return Err(damaged());
        }
        self.key.truncate(shared);
        let (key, rest) = self.rest.split_at_checked(own).ok_or_else(damaged)?;
        self.key.extend(key);
        let (value, rest) = rest.split_at_checked(value).ok_or_else(damaged)?;
        self.rest = rest;
        Ok(Some((&self.key, value)))
    }

    fn length(&mut self) -> Result<usize> {
        let mut length = 0;
        for shift in (0..28).step_by(7) {
            let (byte, rest) = self.rest.split_first().ok_or_else(damaged)?;
            self.rest = rest;
            length |= usize::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                return Ok(length);
            }
        }
        Err(damaged())
    }
}

/// All entries of a block.
pub fn entries(block: &[u8]) -> Result<Vec<(Key, Bytes)>> {
    let mut reader = Reader::new(block);
    let mut entries = Vec::new();
    while let Some((key, value)) = reader.next()? {
        entries.push((key.into(), value.into()));
    }
    Ok(entries)
}

/// The shortest key that is greater than `left` and not greater than `right`, which follows it.
pub fn separator(left: &[u8], right: &[u8]) -> Key {
    let shared = left.iter().zip(right).take_while(|(a, b)| a == b).count();
    right[..right.len().min(shared + 1)].into()
}

fn put_length(mut length: usize, bytes: &mut Vec<u8>) {
    loop {
        let [low, ..] = (length & 0x7F).to_le_bytes();
        length >>= 7;
        if length == 0 {
            return bytes.push(low);
        }
        bytes.push(low | 0x80);
    }
}

/// What is said of a block that is none.
pub fn damaged() -> Error {
    Error::Storage("a block in sled is damaged".into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_goes_in_comes_out(
            map in prop::collection::btree_map(
                prop::collection::vec(0..3_u8, 0..200), prop::collection::vec(any::<u8>(), 0..300), 0..20),
        ) {
            let mut builder = Builder::default();
            map.iter().for_each(|(key, value)| builder.push(key, value));
            let expected: Vec<(Key, Bytes)> =
                map.iter().map(|(key, value)| (key.as_slice().into(), value.as_slice().into())).collect();
            prop_assert_eq!(entries(&builder.finish()).unwrap(), expected);
        }

        #[test]
        fn any_bytes_are_entries_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = entries(&bytes);
        }

        #[test]
        fn a_separator_lies_between(a in prop::collection::vec(0..3_u8, 0..6), b in prop::collection::vec(0..3_u8, 0..6)) {
            prop_assume!(a < b);
            let middle = separator(&a, &b);
            prop_assert!(*a < *middle && *middle <= *b);
        }
    }
}
