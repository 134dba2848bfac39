//! Blocks as sled keeps them: smaller, if that can be. sled keeps pages of blocks in memory for as long as its own queues
//! please, whatever its cache is limited to; packed they take less of it, and of the disk.
//!
//! ```text
//! packed   = 1 | length of the block (4 bytes, little endian) | the block in LZ4's block format
//! unpacked = the block, whose first byte is 0: its first key shares nothing with one before it
//! ```

use std::borrow::Cow;

use super::block::damaged;
use crate::error::Result;

const PACKED: u8 = 1;
const HEAD: usize = 5;
/// LZ4 makes nothing smaller than by this factor: who claims more is not believed.
const MOST: usize = 255;

/// What sled is to keep of a block.
pub fn pack(block: Vec<u8>) -> Vec<u8> {
    let mut packed = vec![PACKED; HEAD + lz4_flex::block::get_maximum_output_size(block.len())];
    let length = u32::try_from(block.len()).ok();
    match (length, lz4_flex::block::compress_into(&block, &mut packed[HEAD..])) {
        (Some(length), Ok(size)) if HEAD + size < block.len() => {
            packed[1..HEAD].copy_from_slice(&length.to_le_bytes());
            packed.truncate(HEAD + size);
            packed
        }
        _ => block,
    }
}

/// The block of what sled keeps.
///
/// # Errors
/// [`Error::Storage`](crate::error::Error::Storage) if it is none.
pub fn unpack(kept: &[u8]) -> Result<Cow<'_, [u8]>> {
    let Some((head, packed)) = kept.split_first_chunk::<HEAD>().filter(|(head, _)| head[0] == PACKED) else {
        return Ok(Cow::Borrowed(kept));
    };
    let [_, length @ ..] = head;
    let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| damaged())?;
    if length > packed.len().saturating_mul(MOST) {
        return Err(damaged());
    }
    let mut block = vec![0; length];
    match lz4_flex::block::decompress_into(packed, &mut block) {
        Ok(read) if read == length => Ok(Cow::Owned(block)),
        _ => Err(damaged()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::base::block::Builder;

    proptest! {
        #[test]
        fn what_goes_in_comes_out(
            values in prop::collection::vec(prop::collection::vec(prop_oneof![Just(b'x'), any::<u8>()], 0..300), 1..20),
        ) {
            let mut builder = Builder::default();
            values.iter().enumerate().for_each(|(key, value)| builder.push(&key.to_be_bytes(), value));
            let block = builder.finish();
            let packed = pack(block.clone());
            prop_assert!(packed.len() <= block.len());
            prop_assert_eq!(unpack(&packed).unwrap(), block);
        }

        #[test]
        fn any_bytes_are_a_block_or_an_error(mut bytes in prop::collection::vec(any::<u8>(), 0..100), is_packed: bool) {
            if is_packed && bytes.len() > HEAD {
                bytes[0] = PACKED;
            }
            let _ = unpack(&bytes);
        }
    }

    #[test]
    fn what_repeats_itself_is_packed_and_a_wrong_length_refused() {
        let mut builder = Builder::default();
        for key in 0..8_u8 {
            builder.push(&[key], br#"{"text":"Please join us","from":{"id":2,"name":"Ann"}}"#);
        }
        let block = builder.finish();
        let mut packed = pack(block.clone());
        assert!(packed.len() < block.len() / 3, "{} of {}", packed.len(), block.len());
        for length in [0, block.len() - 1, block.len() + 1, packed.len() * MOST, u32::MAX as usize] {
            packed[1..HEAD].copy_from_slice(&u32::try_from(length).unwrap().to_le_bytes());
            assert!(unpack(&packed).is_err(), "{length} instead of {}", block.len());
        }
        packed.truncate(HEAD);
        assert!(unpack(&packed).is_err());
    }
}
