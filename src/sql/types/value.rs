//! One SQL value.

use bigdecimal::BigDecimal;
use chrono::{NaiveDate, NaiveDateTime, TimeDelta};
use compact_str::CompactString;

use super::{
    DataType, IntWidth, MAX_DECIMAL_PRECISION, MAX_DECIMAL_SCALE, temporal, temporal::MAX_FRACTION_DIGITS,
};

/// One SQL value as the engine computes with it. Columns of every integer width hold `Int` or `UInt`.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// SQL NULL.
    Null,
    /// A signed integer: TINYINT to BIGINT.
    Int(i64),
    /// An unsigned integer: the UNSIGNED types, and literals beyond `i64::MAX`.
    UInt(u64),
    /// DECIMAL, up to 65 digits; its scale is the number of decimals it prints with.
    Decimal(Box<BigDecimal>),
    /// DOUBLE, and FLOAT rounded to its precision.
    Double(f64),
    /// Text in utf8mb4, compared by `utf8mb4_bin`.
    Text(CompactString),
    /// Bytes without a character set.
    Bytes(Box<[u8]>),
    /// A calendar day.
    Date(NaiveDate),
    /// A span of time, negative or not, within ±838:59:59.
    Time(TimeDelta),
    /// DATETIME and TIMESTAMP, in the session's time zone.
    DateTime(NaiveDateTime),
}

/// The values of one row, in the order of its schema's columns.
pub type Row = Vec<Value>;

impl Value {
    /// A text value.
    pub fn text(text: impl AsRef<str>) -> Self {
        Value::Text(CompactString::from(text.as_ref()))
    }

    /// Whether this is NULL.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// A DECIMAL value.
    pub fn decimal(value: BigDecimal) -> Self {
        Value::Decimal(Box::new(value))
    }

    /// The type that this value would have as a literal, with all the digits it has.
    pub fn natural_type(&self) -> DataType {
        let fraction = |micros: i64| if micros % 1_000_000 == 0 { 0 } else { MAX_FRACTION_DIGITS };
        match self {
            Value::Null => DataType::Null,
            Value::Int(_) => DataType::Integer { width: IntWidth::Big, unsigned: false },
            Value::UInt(_) => DataType::Integer { width: IntWidth::Big, unsigned: true },
            Value::Decimal(value) => {
                let scale = u8::try_from(value.fractional_digit_count()).unwrap_or(MAX_DECIMAL_SCALE);
                DataType::Decimal { precision: MAX_DECIMAL_PRECISION, scale: scale.min(MAX_DECIMAL_SCALE) }
            }
            Value::Double(_) => DataType::Double,
            Value::Text(text) => DataType::VarChar(u32::try_from(text.chars().count()).unwrap_or(u32::MAX)),
            Value::Bytes(bytes) => DataType::VarBinary(u32::try_from(bytes.len()).unwrap_or(u32::MAX)),
            Value::Date(_) => DataType::Date,
            Value::Time(time) => DataType::Time(fraction(temporal::micros(*time))),
            Value::DateTime(moment) => {
                DataType::DateTime(fraction(i64::from(moment.and_utc().timestamp_subsec_micros())))
            }
        }
    }

    /// Bytes of a text or BLOB that is long enough to be counted by itself, else 0.
    pub fn long_bytes(&self) -> usize {
        /// As long as short values are, there are never many of them at once.
        const LONG: usize = 4 * 1024;
        let bytes = match self {
            Value::Text(text) => text.len(),
            Value::Bytes(bytes) => bytes.len(),
            _ => 0,
        };
        if bytes >= LONG { bytes } else { 0 }
    }

    /// Bytes that the value takes, those on the heap included.
    pub fn size_in_memory(&self) -> usize {
        /// A DECIMAL's digits and their box, at most.
        const DECIMAL_BYTES: usize = 96;
        size_of::<Value>()
            + match self {
                Value::Text(text) if text.is_heap_allocated() => text.capacity(),
                Value::Bytes(bytes) => bytes.len(),
                Value::Decimal(_) => DECIMAL_BYTES,
                _ => 0,
            }
    }
}
