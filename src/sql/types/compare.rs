//! How two values compare: which way is decided by their types, before any value is known.

use std::cmp::Ordering;

use chrono::{NaiveDateTime, TimeDelta};

use super::{Class, Converter, DataType, ExprType, Value, decimal, number, temporal, warnings::Level};

/// In what form two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// As texts in `utf8mb4_bin`: by code points, as if the shorter one were padded with spaces.
    Text,
    /// As bytes, without padding.
    Bytes,
    /// As integers.
    Integer,
    /// As exact numbers.
    Decimal,
    /// As floating point numbers.
    Double,
    /// As spans of time.
    Time,
    /// As moments, an unusable text counting as a moment before all others.
    DateTime,
}

impl Comparison {
    /// How values of these two types compare.
    pub fn of(a: &ExprType, b: &ExprType) -> Comparison {
        if a.data_type == DataType::Null {
            return Self::same(b);
        }
        if b.data_type == DataType::Null {
            return Self::same(a);
        }
        match (a.data_type.class(), b.data_type.class()) {
            (Class::Temporal, Class::Temporal) => match (a.data_type, b.data_type) {
                (DataType::Time(_), DataType::Time(_)) => Comparison::Time,
                _ => Comparison::DateTime,
            },
            (Class::Temporal, _) => Self::same(a),
            (_, Class::Temporal) => Self::same(b),
            (Class::String, Class::String) => {
                if a.data_type.is_binary() || b.data_type.is_binary() {
                    Comparison::Bytes
                } else {
                    Comparison::Text
                }
            }
            (Class::Integer, Class::Integer) => Comparison::Integer,
            // Exact, so that BIGINTs compare right with the texts that clients quote them in.
            (Class::Integer, Class::Decimal | Class::String)
            | (Class::Decimal, Class::Integer | Class::Decimal)
            | (Class::String, Class::Integer) => Comparison::Decimal,
            _ => Comparison::Double,
        }
    }

    /// How values of one type compare with each other.
    pub fn same(expr_type: &ExprType) -> Comparison {
        match expr_type.data_type.class() {
            Class::Integer => Comparison::Integer,
            Class::Decimal => Comparison::Decimal,
            Class::Double => Comparison::Double,
            Class::String if expr_type.data_type.is_binary() => Comparison::Bytes,
            Class::String => Comparison::Text,
            Class::Temporal if matches!(expr_type.data_type, DataType::Time(_)) => Comparison::Time,
            Class::Temporal => Comparison::DateTime,
        }
    }

    /// Compares two values; None if one is NULL.
    pub fn compare(self, a: &Value, b: &Value, convert: &Converter<'_>) -> Option<Ordering> {
        if a.is_null() || b.is_null() {
            return None;
        }
        if let Some(ordering) = self.compare_alike(a, b) {
            return Some(ordering);
        }
        match self {
            Comparison::Text => Some(compare_padded(&text(a)?, &text(b)?)),
            Comparison::Bytes => Some(text(a)?.cmp(&text(b)?)),
            Comparison::Integer => Some(convert.integer(a)?.cmp(&convert.integer(b)?)),
            Comparison::Decimal => Some(convert.decimal(a)?.cmp(&convert.decimal(b)?)),
            Comparison::Double => convert.double(a)?.partial_cmp(&convert.double(b)?),
            Comparison::Time => Some(time(a, convert).cmp(&time(b, convert))),
            Comparison::DateTime => Some(datetime(a, convert).cmp(&datetime(b, convert))),
        }
    }

    /// Compares two values that already have the form, without a conversion or an allocation.
    fn compare_alike(self, a: &Value, b: &Value) -> Option<Ordering> {
        match (self, a, b) {
            (Comparison::Integer | Comparison::Decimal, Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
            (Comparison::Text, Value::Text(a), Value::Text(b)) => {
                Some(compare_padded(a.as_bytes(), b.as_bytes()))
            }
            (Comparison::Integer | Comparison::Decimal, Value::UInt(a), Value::UInt(b)) => Some(a.cmp(b)),
            (Comparison::Integer | Comparison::Decimal, Value::Int(a), Value::UInt(b)) => {
                Some(i128::from(*a).cmp(&i128::from(*b)))
            }
            (Comparison::Integer | Comparison::Decimal, Value::UInt(a), Value::Int(b)) => {
                Some(i128::from(*a).cmp(&i128::from(*b)))
            }
            (Comparison::Decimal, Value::Decimal(a), Value::Decimal(b)) => Some(a.cmp(b)),
            (Comparison::Decimal, Value::Decimal(a), Value::Int(b)) => {
                Some(decimal::compare_integer(a, i128::from(*b)))
            }
            (Comparison::Decimal, Value::Int(a), Value::Decimal(b)) => {
                Some(decimal::compare_integer(b, i128::from(*a)).reverse())
            }
            // A quoted number, as clients send them.
            (Comparison::Decimal, Value::Int(a), Value::Text(b)) => {
                let parsed = number::parse_integer(b);
                (parsed.rest == number::Rest::Nothing).then(|| i128::from(*a).cmp(&parsed.value))
            }
            (Comparison::Decimal, Value::Text(a), Value::Int(b)) => {
                let parsed = number::parse_integer(a);
                (parsed.rest == number::Rest::Nothing).then(|| parsed.value.cmp(&i128::from(*b)))
            }
            (Comparison::Double, Value::Double(a), Value::Double(b)) => a.partial_cmp(b),
            (Comparison::DateTime, Value::DateTime(a), Value::DateTime(b)) => Some(a.cmp(b)),
            (Comparison::DateTime, Value::Date(a), Value::Date(b)) => Some(a.cmp(b)),
            (Comparison::Time, Value::Time(a), Value::Time(b)) => Some(a.cmp(b)),
            (Comparison::Bytes, Value::Bytes(a), Value::Bytes(b)) => Some(a.cmp(b)),
            _ => None,
        }
    }
}

/// Compares as a PAD SPACE collation does: as if the shorter one went on with spaces.
pub fn compare_padded(a: &[u8], b: &[u8]) -> Ordering {
    let common = a.len().min(b.len());
    let padded =
        |rest: &[u8]| rest.iter().find(|byte| **byte != b' ').map_or(Ordering::Equal, |byte| byte.cmp(&b' '));
    a[..common]
        .cmp(&b[..common])
        .then_with(|| padded(&a[common..]))
        .then_with(|| padded(&b[common..]).reverse())
}

/// The bytes of a value's text.
fn text(value: &Value) -> Option<std::borrow::Cow<'_, [u8]>> {
    super::convert::to_bytes(value, &ExprType::new(value.natural_type()))
}

/// A moment to compare with; what names none comes before all others.
fn datetime(value: &Value, convert: &Converter<'_>) -> NaiveDateTime {
    let read = match value {
        Value::Text(text) => match temporal::parse_datetime_exact(text) {
            None => {
                convert.warnings.truncated(Level::Warning, "datetime", text);
                temporal::parse_datetime(text, &super::Warnings::default())
            }
            moment => moment,
        },
        Value::Null | Value::DateTime(_) | Value::Date(_) | Value::Time(_) | Value::Bytes(_) => {
            convert.datetime(value)
        }
        number => {
            let silent = super::Warnings::default();
            let moment = Converter { warnings: &silent, ..*convert }.datetime(number);
            if moment.is_none() {
                convert.warnings.truncated(Level::Warning, "datetime", number);
            }
            moment
        }
    };
    read.unwrap_or(NaiveDateTime::MIN)
}

/// A span to compare with; what names none counts as no time at all.
fn time(value: &Value, convert: &Converter<'_>) -> TimeDelta {
    match value {
        Value::Text(text) => match temporal::read_time(text) {
            Some(parsed) if !parsed.truncated => parsed.time,
            parsed => {
                convert.warnings.truncated(Level::Warning, "time", text);
                parsed.map_or(TimeDelta::zero(), |parsed| parsed.time)
            }
        },
        value => convert.time(value).unwrap_or_default(),
    }
}

/// The order of ORDER BY and of indexes, for values of one type: NULL first, then as they compare.
pub fn sort_order(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null, _) => Ordering::Less,
        (_, Value::Null) => Ordering::Greater,
        (Value::Text(a), Value::Text(b)) => compare_padded(a.as_bytes(), b.as_bytes()),
        (Value::Int(a), Value::Int(b)) => a.cmp(b),
        (Value::Double(a), Value::Double(b)) => a.partial_cmp(b).unwrap_or(Ordering::Equal),
        _ => {
            let (type_a, type_b) = (ExprType::new(a.natural_type()), ExprType::new(b.natural_type()));
            let warnings = super::Warnings::default();
            let convert = Converter { warnings: &warnings, today: chrono::NaiveDate::MIN };
            Comparison::of(&type_a, &type_b).compare(a, b, &convert).unwrap_or(Ordering::Equal)
        }
    }
}

/// Appends bytes that are the same for values of one type that compare as equal, and differ otherwise: the key of
/// GROUP BY, DISTINCT and hash joins.
pub fn write_group_key(out: &mut Vec<u8>, value: &Value) {
    const NULL: u8 = 0;
    const INTEGER: u8 = 1;
    const NUMBER: u8 = 2;
    const STRING: u8 = 3;
    const TEMPORAL: u8 = 4;
    let mut string = |kind: u8, bytes: &[u8]| {
        out.push(kind);
        out.extend_from_slice(&bytes.len().to_be_bytes());
        out.extend_from_slice(bytes);
    };
    match value {
        Value::Null => out.push(NULL),
        Value::Int(value) => {
            out.push(INTEGER);
            out.extend_from_slice(&i128::from(*value).to_be_bytes());
        }
        Value::UInt(value) => {
            out.push(INTEGER);
            out.extend_from_slice(&i128::from(*value).to_be_bytes());
        }
        Value::Decimal(value) => string(NUMBER, value.normalized().to_string().as_bytes()),
        Value::Double(value) => {
            out.push(NUMBER);
            // Both zeros are equal.
            out.extend_from_slice(&(value + 0.0).to_be_bytes());
        }
        Value::Text(text) => string(STRING, text.trim_end_matches(' ').as_bytes()),
        Value::Bytes(bytes) => string(STRING, bytes),
        Value::Date(day) => string(TEMPORAL, temporal::midnight(*day).to_string().as_bytes()),
        Value::DateTime(moment) => string(TEMPORAL, moment.to_string().as_bytes()),
        Value::Time(time) => {
            out.push(TEMPORAL);
            out.extend_from_slice(&temporal::micros(*time).to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shorter_texts_are_padded_with_spaces() {
        assert_eq!(compare_padded(b"a", b"a  "), Ordering::Equal);
        assert_eq!(compare_padded(b"a", b"a\t"), Ordering::Greater);
        assert_eq!(compare_padded(b"a\t", b"a"), Ordering::Less);
        assert_eq!(compare_padded(b"a", b"ab"), Ordering::Less);
        assert_eq!(compare_padded(b"", b" "), Ordering::Equal);
    }

    #[test]
    fn group_keys_agree_where_values_are_equal() {
        let key = |value: Value| {
            let mut key = Vec::new();
            write_group_key(&mut key, &value);
            key
        };
        assert_eq!(key(Value::text("a")), key(Value::text("a ")));
        assert_ne!(key(Value::text("a")), key(Value::text("A")));
        assert_eq!(key(Value::Int(1)), key(Value::UInt(1)));
        assert_eq!(key(Value::Double(0.0)), key(Value::Double(-0.0)));
        assert_ne!(key(Value::Null), key(Value::text("")));
    }

    #[test]
    fn null_sorts_first() {
        let mut values = [Value::Int(2), Value::Null, Value::Int(-1)];
        values.sort_by(sort_order);
        assert_eq!(values, [Value::Null, Value::Int(-1), Value::Int(2)]);
    }
}
