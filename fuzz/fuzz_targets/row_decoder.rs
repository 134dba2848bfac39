//! Rows as the disk may hold them: whatever their bytes, decoding ends in a row or an error.
#![no_main]

use cometql::store::row::{decode, encode};
use libfuzzer_sys::fuzz_target;

/// Format, schema version, checksum.
const HEADER: usize = 7;

fuzz_target!(|data: &[u8]| {
    let _ = decode(data);
    // The same with a checksum that fits, so that what lies behind it is read.
    if data.len() >= HEADER {
        let mut row = data.to_vec();
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&row[1..3]);
        hasher.update(&row[HEADER..]);
        row[3..HEADER].copy_from_slice(&hasher.finalize().to_le_bytes());
        if let Ok((version, values)) = decode(&row) {
            let encoded = encode(version, &values).unwrap();
            let (version, values) = decode(&encoded).unwrap();
            assert_eq!(encode(version, &values).unwrap(), encoded);
        }
    }
});
