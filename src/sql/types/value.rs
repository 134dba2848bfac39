//! One SQL value.

use bigdecimal::BigDecimal;
use chrono::{NaiveDate, NaiveDateTime, TimeDelta};
use compact_str::CompactString;

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
}
