//! Literals: their values and their types.

use super::{
    DataType, ExprType, IntWidth, MAX_DECIMAL_PRECISION, MAX_DECIMAL_SCALE, Value, decimal, number,
    temporal::{self, MAX_FRACTION_DIGITS},
};
use crate::error::{Error, Result};

/// What a quoted text is preceded by in a literal like `DATE '2024-01-31'`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TemporalKind {
    /// DATE
    Date,
    /// TIME
    Time,
    /// TIMESTAMP
    Timestamp,
}

/// The value of a number as the parser found it, without a sign: an integer, a DECIMAL if it has a point or more
/// digits than BIGINT UNSIGNED, a DOUBLE if it has an exponent.
pub fn number_literal(text: &str) -> Value {
    if text.contains(['e', 'E']) {
        return Value::Double(number::parse_double(text).value);
    }
    if let Ok(value) = text.parse::<i64>() {
        return Value::Int(value);
    }
    if let Ok(value) = text.parse::<u64>() {
        return Value::UInt(value);
    }
    Value::decimal(number::parse_decimal(text).value)
}

/// The value of a literal with a type before its text. Error 1525 if the text does not fit.
pub fn temporal_literal(kind: TemporalKind, text: &str) -> Result<Value> {
    let (name, value) = match kind {
        TemporalKind::Date => ("DATE", {
            let moment = temporal::parse_datetime_exact(text);
            moment
                .filter(|moment| *moment == temporal::midnight(moment.date()))
                .map(|moment| Value::Date(moment.date()))
        }),
        TemporalKind::Time => {
            let parsed = temporal::read_time(text).filter(|parsed| !parsed.truncated);
            ("TIME", parsed.map(|parsed| Value::Time(parsed.time)))
        }
        TemporalKind::Timestamp => ("DATETIME", temporal::parse_datetime_exact(text).map(Value::DateTime)),
    };
    value.ok_or_else(|| Error::WrongLiteral { kind: name, text: text.to_owned() })
}

/// The bytes of a hexadecimal literal; None if a digit is none. An odd number of digits is led by a 0.
pub fn hex_literal(digits: &str) -> Option<Value> {
    let padded = if digits.len().is_multiple_of(2) { digits.to_owned() } else { format!("0{digits}") };
    let bytes = padded.as_bytes().chunks(2).map(|pair| {
        let high = char::from(pair[0]).to_digit(16)?;
        let low = char::from(pair[1]).to_digit(16)?;
        u8::try_from(high * 16 + low).ok()
    });
    Some(Value::Bytes(bytes.collect::<Option<_>>()?))
}

/// The number that a hexadecimal literal is: its last eight bytes, the most significant first.
pub fn hex_number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// The type of a literal, or of any constant.
pub fn literal_type(value: &Value) -> ExprType {
    match value {
        Value::Int(value) => {
            let digits = value.unsigned_abs().checked_ilog10().map_or(1, |log| log + 1);
            let width = if i32::try_from(*value).is_ok() { IntWidth::Int } else { IntWidth::Big };
            integer(width, digits, digits + u32::from(*value < 0), false)
        }
        Value::UInt(value) => {
            let digits = value.checked_ilog10().map_or(1, |log| log + 1);
            integer(IntWidth::Big, digits, digits, true)
        }
        Value::Decimal(value) => {
            let scale = decimal::scale(value).clamp(0, i64::from(MAX_DECIMAL_SCALE));
            let scale = u8::try_from(scale).unwrap_or(MAX_DECIMAL_SCALE);
            let digits = decimal::integer_digits(value).clamp(0, i64::from(MAX_DECIMAL_PRECISION));
            ExprType::decimal(u32::try_from(digits).unwrap_or(0) + u32::from(scale), scale)
        }
        Value::Text(text) => ExprType::text(u32::try_from(text.chars().count()).unwrap_or(u32::MAX)),
        Value::Bytes(bytes) => {
            // As a number it has five digits for two bytes, about.
            let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            let precision = u8::try_from(length.saturating_mul(5) / 2 + 1)
                .unwrap_or(u8::MAX)
                .clamp(1, MAX_DECIMAL_PRECISION);
            ExprType { decimals: 0, precision, ..ExprType::bytes(length) }
        }
        Value::Double(_) => ExprType {
            length: u32::try_from(value.to_string().len()).unwrap_or(u32::MAX),
            ..ExprType::double()
        },
        value => ExprType::new(value.natural_type()),
    }
}

fn integer(width: IntWidth, digits: u32, length: u32, unsigned: bool) -> ExprType {
    ExprType {
        length,
        precision: u8::try_from(digits).unwrap_or(MAX_DECIMAL_PRECISION),
        ..ExprType::new(DataType::Integer { width, unsigned })
    }
}

/// The type of a temporal literal: it shows as many digits of a second as its text.
pub fn temporal_literal_type(value: &Value, text: &str) -> ExprType {
    let fsp = temporal::fraction_digits(text).min(MAX_FRACTION_DIGITS);
    ExprType::new(match value {
        Value::Time(_) => DataType::Time(fsp),
        Value::DateTime(_) => DataType::DateTime(fsp),
        value => value.natural_type(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_take_the_smallest_type_that_is_exact() {
        assert_eq!(number_literal("7"), Value::Int(7));
        assert_eq!(number_literal("18446744073709551615"), Value::UInt(u64::MAX));
        assert!(matches!(number_literal("18446744073709551616"), Value::Decimal(_)));
        assert!(matches!(number_literal("1.50"), Value::Decimal(_)));
        assert_eq!(number_literal("1e3"), Value::Double(1000.0));
    }

    #[test]
    fn hexadecimal_literals_are_bytes_and_numbers() {
        assert_eq!(hex_literal("141"), Some(Value::Bytes([1, 0x41].into())));
        assert_eq!(hex_literal("4g"), None);
        assert_eq!(hex_number(&[1, 0x41]), 0x141);
    }
}
