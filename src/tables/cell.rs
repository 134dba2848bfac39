//! The values in rows that the program itself writes and reads.

use chrono::{DateTime, Utc};
use compact_str::CompactString;

use crate::{
    error::{Error, Result},
    sql::types::{Row, TableSchema, Value},
};

/// The text in a column.
pub fn text(schema: &TableSchema, row: &Row, column: usize) -> Result<CompactString> {
    match row.get(column) {
        Some(Value::Text(text)) => Ok(text.clone()),
        _ => Err(unexpected(schema, row, column)),
    }
}

/// The integer in a column.
pub fn number<T: TryFrom<u64> + TryFrom<i64>>(schema: &TableSchema, row: &Row, column: usize) -> Result<T> {
    let number = match row.get(column) {
        Some(Value::UInt(number)) => T::try_from(*number).ok(),
        Some(Value::Int(number)) => T::try_from(*number).ok(),
        _ => None,
    };
    number.ok_or_else(|| unexpected(schema, row, column))
}

/// The moment in a column, as a unix time.
pub fn moment(schema: &TableSchema, row: &Row, column: usize) -> Result<i64> {
    match row.get(column) {
        Some(Value::DateTime(moment)) => Ok(moment.and_utc().timestamp()),
        _ => Err(unexpected(schema, row, column)),
    }
}

/// Seconds since a moment, a unix time; 0 for one that is still to come.
pub fn age(moment: i64, now: DateTime<Utc>) -> Value {
    Value::UInt(u64::try_from(now.timestamp() - moment).unwrap_or_default())
}

fn unexpected(schema: &TableSchema, row: &Row, column: usize) -> Error {
    Error::Internal(format!("column {column} of a row of {} holds {:?}", schema.name, row.get(column)))
}
