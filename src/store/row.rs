//! Rows as bytes.
//!
//! ```text
//! format u8 = 1 | schema version u16 LE | CRC-32 u32 LE of the version and the payload | payload
//! ```
//!
//! The payload is bincode (standard configuration): the number of columns, then one [`Stored`] each, in the order of
//! the table at that schema version. Variants of [`Stored`] are only ever added at the end.

use bigdecimal::BigDecimal;
use bincode::{
    BorrowDecode, Encode,
    config::{Configuration, Limit, LittleEndian, Varint},
};
use chrono::{DateTime, Datelike, NaiveDate, TimeDelta};

use crate::{
    error::{Error, Result},
    sql::types::{Row, Value},
};

/// The largest row in bytes: one TEXT of 65 535 bytes with room for the other columns. Rows stay in one piece, and this
/// keeps 17 of them, the most that sled puts on one page, below the size at which it would write them to a file of
/// their own without syncing it (see `base`).
pub const MAX_ROW_BYTES: usize = 96 * 1024;

const FORMAT: u8 = 1;
const HEADER_BYTES: usize = 7;
const VERSION: std::ops::Range<usize> = 1..3;
const CRC: std::ops::Range<usize> = 3..7;

type Config = Configuration<LittleEndian, Varint, Limit<MAX_ROW_BYTES>>;
const CONFIG: Config = bincode::config::standard().with_limit::<MAX_ROW_BYTES>();

/// A value as rows hold it.
#[derive(Encode, BorrowDecode)]
enum Stored<'a> {
    Null,
    Int(i64),
    UInt(u64),
    Double(f64),
    /// As it prints.
    Decimal(&'a str),
    Text(&'a str),
    Bytes(&'a [u8]),
    /// Days since 0000-12-31.
    Date(i32),
    /// Microseconds.
    Time(i64),
    /// Microseconds since 1970.
    DateTime(i64),
}

/// A row with the schema version it was written under.
pub fn encode(schema_version: u16, row: &[Value]) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(256);
    bytes.push(FORMAT);
    bytes.extend(schema_version.to_le_bytes());
    bytes.extend([0; 4]);
    put(row.len() as u64, &mut bytes)?;
    for value in row {
        match value {
            Value::Null => put(Stored::Null, &mut bytes)?,
            Value::Int(number) => put(Stored::Int(*number), &mut bytes)?,
            Value::UInt(number) => put(Stored::UInt(*number), &mut bytes)?,
            Value::Double(number) => put(Stored::Double(*number), &mut bytes)?,
            Value::Decimal(number) => put(Stored::Decimal(&number.to_plain_string()), &mut bytes)?,
            Value::Text(text) => put(Stored::Text(text), &mut bytes)?,
            Value::Bytes(content) => put(Stored::Bytes(content), &mut bytes)?,
            Value::Date(day) => put(Stored::Date(day.num_days_from_ce()), &mut bytes)?,
            Value::Time(span) => {
                put(Stored::Time(span.num_microseconds().ok_or_else(damaged)?), &mut bytes)?;
            }
            Value::DateTime(moment) => {
                put(Stored::DateTime(moment.and_utc().timestamp_micros()), &mut bytes)?;
            }
        }
    }
    if bytes.len() > MAX_ROW_BYTES {
        return Err(Error::RowTooLarge(MAX_ROW_BYTES));
    }
    let crc = checksum(&bytes).to_le_bytes();
    bytes[CRC].copy_from_slice(&crc);
    Ok(bytes)
}

/// The schema version and the values of a row.
pub fn decode(bytes: &[u8]) -> Result<(u16, Row)> {
    if bytes.len() < HEADER_BYTES || bytes.len() > MAX_ROW_BYTES {
        return Err(damaged());
    }
    if bytes[0] != FORMAT {
        return Err(Error::Storage(format!("a row has format {}, this program knows {FORMAT}", bytes[0])));
    }
    if bytes[CRC] != checksum(bytes).to_le_bytes() {
        return Err(damaged());
    }
    let version = u16::from_le_bytes([bytes[VERSION.start], bytes[VERSION.start + 1]]);
    let mut rest = &bytes[HEADER_BYTES..];
    let columns: u64 = take(&mut rest)?;
    // Each column takes at least a byte, so that the length bounds the capacity.
    let columns = usize::try_from(columns).ok().filter(|columns| *columns <= rest.len());
    let mut row = Row::with_capacity(columns.ok_or_else(damaged)?);
    for _ in 0..row.capacity() {
        row.push(match take(&mut rest)? {
            Stored::Null => Value::Null,
            Stored::Int(number) => Value::Int(number),
            Stored::UInt(number) => Value::UInt(number),
            Stored::Double(number) => Value::Double(number),
            Stored::Decimal(text) => Value::Decimal(Box::new(parse_decimal(text)?)),
            Stored::Text(text) => Value::text(text),
            Stored::Bytes(content) => Value::Bytes(content.into()),
            Stored::Date(days) => {
                Value::Date(NaiveDate::from_num_days_from_ce_opt(days).ok_or_else(damaged)?)
            }
            Stored::Time(micros) => Value::Time(TimeDelta::microseconds(micros)),
            Stored::DateTime(micros) => {
                Value::DateTime(DateTime::from_timestamp_micros(micros).ok_or_else(damaged)?.naive_utc())
            }
        });
    }
    if rest.is_empty() { Ok((version, row)) } else { Err(damaged()) }
}

fn put(value: impl Encode, bytes: &mut Vec<u8>) -> Result<()> {
    bincode::encode_into_std_write(value, bytes, CONFIG)
        .map(drop)
        .map_err(|_| Error::RowTooLarge(MAX_ROW_BYTES))
}

fn take<'a, T: BorrowDecode<'a, ()>>(rest: &mut &'a [u8]) -> Result<T> {
    let (value, used) = bincode::borrow_decode_from_slice(rest, CONFIG).map_err(|_| damaged())?;
    *rest = &rest[used..];
    Ok(value)
}

/// Reads a decimal as [`encode`] writes it. With an exponent, a few digits could become gigabytes.
pub fn parse_decimal(text: &str) -> Result<BigDecimal> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.' || byte == b'-');
    if !plain {
        return Err(damaged());
    }
    text.parse().map_err(|_| damaged())
}

fn checksum(bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&bytes[VERSION]);
    hasher.update(&bytes[HEADER_BYTES..]);
    hasher.finalize()
}

fn damaged() -> Error {
    Error::Storage("a row in the store is damaged".into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample() -> Row {
        vec![
            Value::Null,
            Value::Int(-300),
            Value::UInt(u64::MAX),
            Value::Double(0.5),
            Value::Decimal(Box::new("-12.50".parse().unwrap())),
            Value::text("ä😀\0 "),
            Value::Bytes([0, 255].into()),
            Value::Date(NaiveDate::from_ymd_opt(2024, 2, 29).unwrap()),
            Value::Time(TimeDelta::microseconds(-1)),
            Value::DateTime(DateTime::from_timestamp_micros(1_700_000_000_000_001).unwrap().naive_utc()),
        ]
    }

    #[test]
    fn a_row_comes_back_as_it_was() {
        assert_eq!(decode(&encode(3, &sample()).unwrap()).unwrap(), (3, sample()));
    }

    /// What is on disks somewhere: these bytes may never need another decoder.
    #[test]
    fn the_bytes_stay_as_they_are() {
        let golden = "01030086b1791a0a0001fb570202fdffffffffffffffff03000000000000e03f04062d31322e35300508c3a4f09f9880\
                      0020060200ff07fc028d1600080109fd02803c3048140c00";
        let hex: String = encode(3, &sample()).unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, golden);
    }

    #[test]
    fn each_flipped_bit_is_noticed() {
        let bytes = encode(3, &sample()).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&damaged).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn a_row_beyond_the_bound_is_refused() {
        let row = vec![Value::text("x".repeat(65_535)), Value::text("y".repeat(30_000))];
        assert!(encode(0, &row).is_ok());
        let row = vec![Value::text("x".repeat(65_535)), Value::text("y".repeat(65_535))];
        assert_eq!(encode(0, &row), Err(Error::RowTooLarge(MAX_ROW_BYTES)));
    }

    #[test]
    fn a_decimal_is_written_without_exponent() {
        let decode_decimal = |text: &str| {
            let mut bytes = encode(0, &[Value::text(text)]).unwrap();
            bytes[HEADER_BYTES + 1] = 4;
            let crc = checksum(&bytes).to_le_bytes();
            bytes[CRC].copy_from_slice(&crc);
            decode(&bytes)
        };
        assert_eq!(
            decode_decimal("-12.50").unwrap().1,
            [Value::Decimal(Box::new("-12.50".parse().unwrap()))]
        );
        assert!(decode_decimal("1E999999999").is_err());
    }

    proptest! {
        /// With a right checksum, so that the decoder itself meets nonsense.
        #[test]
        fn any_payload_is_a_row_or_an_error(payload in prop::collection::vec(any::<u8>(), 0..60)) {
            let mut bytes = vec![FORMAT, 0, 0, 0, 0, 0, 0];
            bytes.extend(payload);
            let crc = checksum(&bytes).to_le_bytes();
            bytes[CRC].copy_from_slice(&crc);
            let _ = decode(&bytes);
        }
    }
}
