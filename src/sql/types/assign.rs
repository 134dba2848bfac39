//! Values stored in columns: turned into the column's type, or refused, as MariaDB's strict mode does.

use std::borrow::Cow;

use bigdecimal::{BigDecimal, num_bigint::Sign};
use chrono::{NaiveDate, NaiveDateTime, TimeDelta};
use compact_str::CompactString;

use super::{
    Class, ColumnSchema, Converter, DataType, ExprType, IntWidth, Level, Value, Warnings, convert, decimal,
    hex_number,
    number::{self, Rest},
    temporal::{self, cut_datetime, cut_time},
    warnings::quoted,
};
use crate::error::{Error, Result};

/// Where a value goes, for messages, and what happens if it does not fit.
#[derive(Clone, Copy, Debug)]
pub struct Assignment<'a> {
    /// The table's database.
    pub database: &'a str,
    /// The table.
    pub table: &'a str,
    /// Number of the row in the statement, from 1.
    pub row: usize,
    /// Whether a value that does not fit is an error; else the nearest one is stored with a warning, as INSERT IGNORE
    /// does.
    pub strict: bool,
    /// Where warnings go.
    pub warnings: &'a Warnings,
    /// The day that a TIME becomes a moment of.
    pub today: NaiveDate,
}

/// How a value does not fit.
#[derive(Debug)]
enum Misfit {
    /// Beyond the type's range.
    OutOfRange,
    /// More follows than what was read.
    Truncated,
    /// Longer than the column.
    TooLong,
    /// Not a number of this kind, or not text.
    Incorrect(&'static str),
    /// Not a moment, day or time.
    IncorrectTemporal(&'static str),
}

/// A value of the column's type.
struct Stored {
    value: Value,
    /// How the given value did not fit, if it did not.
    misfit: Option<Misfit>,
    /// Whether digits or spaces without weight were left away, which is worth a note.
    cut: bool,
}

impl Stored {
    fn exact(value: Value) -> Self {
        Self::noting(value, false)
    }

    fn noting(value: Value, cut: bool) -> Self {
        Stored { value, misfit: None, cut }
    }

    fn misfit(value: Value, misfit: Misfit) -> Self {
        Stored { value, misfit: Some(misfit), cut: false }
    }
}

impl Assignment<'_> {
    /// The value that the column stores for a value of the type `from`. Errors 1048, 1264, 1265, 1292, 1366, 1406 in
    /// strict mode.
    pub fn assign(&self, value: Value, from: &ExprType, column: &ColumnSchema) -> Result<Value> {
        if value.is_null() {
            return self.assign_null(column);
        }
        if fits_as_it_is(&value, column.data_type) {
            return Ok(value);
        }
        let value = match value {
            // 0x41 is the number 65 to a column of numbers, and the text A to others.
            Value::Bytes(bytes)
                if from.hex_literal
                    && matches!(
                        column.data_type.class(),
                        Class::Integer | Class::Decimal | Class::Double
                    ) =>
            {
                Value::UInt(hex_number(&bytes))
            }
            value => value,
        };
        let stored = self.store(&value, from, column.data_type);
        if stored.cut {
            self.warnings.push(Level::Note, 1265, || self.truncated(column).to_string());
        }
        if let Some(misfit) = stored.misfit {
            let error = self.error(&misfit, &value, from, column);
            if self.strict {
                return Err(error);
            }
            self.warn(&misfit, error, column);
        }
        Ok(stored.value)
    }

    fn assign_null(&self, column: &ColumnSchema) -> Result<Value> {
        if column.nullable {
            return Ok(Value::Null);
        }
        let error = Error::NullColumn(column.name.clone());
        if self.strict {
            return Err(error);
        }
        self.warnings.push(Level::Warning, error.codes().0, || error.to_string());
        Ok(column.data_type.implicit_default())
    }

    fn truncated(&self, column: &ColumnSchema) -> Error {
        Error::ColumnTruncated { column: column.name.clone(), row: self.row }
    }

    fn error(&self, misfit: &Misfit, value: &Value, from: &ExprType, column: &ColumnSchema) -> Error {
        let name = column.name.clone();
        let place = || format!("`{}`.`{}`.`{name}`", self.database, self.table);
        let text = || match value {
            Value::Bytes(bytes) => escape_bytes(bytes),
            value => quoted(&convert::to_text(value, from).unwrap_or_default()),
        };
        match misfit {
            Misfit::OutOfRange => Error::ColumnOutOfRange { column: name, row: self.row },
            Misfit::Truncated => self.truncated(column),
            Misfit::TooLong => Error::ColumnTooLong { column: name, row: self.row },
            Misfit::Incorrect(kind) => {
                Error::IncorrectValue { kind, value: text(), place: place(), row: self.row }
            }
            Misfit::IncorrectTemporal(kind) => {
                Error::IncorrectTemporal { kind, value: text(), place: place(), row: self.row }
            }
        }
    }

    /// The warning for a value that was changed to fit.
    fn warn(&self, misfit: &Misfit, error: Error, column: &ColumnSchema) {
        let shown = match misfit {
            Misfit::OutOfRange | Misfit::Truncated | Misfit::Incorrect(_) => error,
            Misfit::TooLong | Misfit::IncorrectTemporal(_) => self.truncated(column),
        };
        self.warnings.push(Level::Warning, shown.codes().0, || shown.to_string());
    }

    fn store(&self, value: &Value, from: &ExprType, to: DataType) -> Stored {
        match to {
            DataType::Null => Stored::exact(Value::Null),
            DataType::Integer { width, unsigned } => self.store_integer(value, width, unsigned),
            DataType::Decimal { precision, scale } => self.store_decimal(value, precision, scale),
            DataType::Float => store_float(self.store_double(value)),
            DataType::Double => self.store_double(value),
            DataType::Char(_) | DataType::VarChar(_) | DataType::Text(_) => store_text(value, from, to),
            DataType::Binary(_) | DataType::VarBinary(_) | DataType::Blob(_) => store_bytes(value, from, to),
            DataType::Date => self.store_date(value),
            DataType::Time(fsp) => self.store_time(value, fsp),
            DataType::DateTime(fsp) | DataType::Timestamp(fsp) => self.store_datetime(value, fsp),
        }
    }

    fn store_integer(&self, value: &Value, width: IntWidth, unsigned: bool) -> Stored {
        let (number, misfit, cut) = match value {
            Value::Text(text) => text_number(text, "integer"),
            Value::Bytes(bytes) => text_number(&String::from_utf8_lossy(bytes), "integer"),
            Value::Double(value) => {
                let integer = convert::double_to_integer(*value);
                return fit_integer(integer, *value < 0.0 && integer < 0, width, unsigned);
            }
            value => (self.convert().decimal(value).unwrap_or_default(), None, false),
        };
        let rounded = decimal::to_integer(&number).unwrap_or(match number.sign() {
            Sign::Minus => i128::MIN,
            _ => i128::MAX,
        });
        let mut stored = fit_integer(rounded, number.sign() == Sign::Minus, width, unsigned);
        stored.misfit = misfit.or(stored.misfit);
        stored.cut = cut && stored.misfit.is_none();
        stored
    }

    fn store_decimal(&self, value: &Value, precision: u8, scale: u8) -> Stored {
        let (number, misfit, spaces) = match value {
            Value::Text(text) => text_number(text, "decimal"),
            Value::Bytes(bytes) => text_number(&String::from_utf8_lossy(bytes), "decimal"),
            value => (self.convert().decimal(value).unwrap_or_default(), None, false),
        };
        let rounded = decimal::round(&number, i64::from(scale));
        if decimal::integer_digits(&rounded) > i64::from(precision.saturating_sub(scale)) {
            let nearest = decimal::max_of(precision, scale, number.sign() == Sign::Minus);
            return Stored::misfit(Value::decimal(nearest), misfit.unwrap_or(Misfit::OutOfRange));
        }
        let cut = misfit.is_none() && (spaces || rounded != number);
        Stored { value: Value::decimal(rounded), misfit, cut }
    }

    fn store_double(&self, value: &Value) -> Stored {
        let text = match value {
            Value::Text(text) => Cow::Borrowed(text.as_str()),
            Value::Bytes(bytes) => String::from_utf8_lossy(bytes),
            value => return Stored::exact(Value::Double(self.convert().double(value).unwrap_or_default())),
        };
        let parsed = number::parse_double(&text);
        let number = Value::Double(parsed.value);
        match parsed.rest {
            Rest::Nothing => Stored::exact(number),
            Rest::Spaces => Stored::noting(number, true),
            Rest::Garbage if parsed.value.abs() == f64::MAX => Stored::misfit(number, Misfit::OutOfRange),
            Rest::Garbage => Stored::misfit(number, garbage(&text, "double")),
        }
    }

    fn store_date(&self, value: &Value) -> Stored {
        match self.moment(value) {
            Some(moment) => {
                let day = moment.date();
                Stored::noting(Value::Date(day), temporal::midnight(day) != moment)
            }
            None => Stored::misfit(DataType::Date.implicit_default(), Misfit::IncorrectTemporal("date")),
        }
    }

    fn store_datetime(&self, value: &Value, fsp: u8) -> Stored {
        match self.moment(value) {
            Some(moment) => Stored::exact(Value::DateTime(cut_datetime(moment, fsp))),
            None => Stored::misfit(
                DataType::DateTime(0).implicit_default(),
                Misfit::IncorrectTemporal("datetime"),
            ),
        }
    }

    /// The moment that a value names without a remainder.
    fn moment(&self, value: &Value) -> Option<NaiveDateTime> {
        match value {
            Value::Text(text) => temporal::parse_datetime_exact(text),
            Value::Bytes(bytes) => temporal::parse_datetime_exact(&String::from_utf8_lossy(bytes)),
            value => Converter { warnings: &Warnings::default(), today: self.today }.datetime(value),
        }
    }

    fn store_time(&self, value: &Value, fsp: u8) -> Stored {
        let parsed = match value {
            Value::Text(text) => temporal::read_time(text).map(|parsed| (parsed.time, parsed.truncated)),
            Value::Bytes(bytes) => temporal::read_time(&String::from_utf8_lossy(bytes))
                .map(|parsed| (parsed.time, parsed.truncated)),
            value => {
                let warnings = Warnings::default();
                let time = Converter { warnings: &warnings, today: self.today }.time(value);
                time.map(|time| (time, warnings.count() > 0))
            }
        };
        match parsed {
            Some((time, false)) => {
                let is_moment = matches!(value, Value::Date(_) | Value::DateTime(_));
                Stored::noting(Value::Time(cut_time(time, fsp)), is_moment)
            }
            Some((time, true)) => {
                let clamped = time.abs() >= cut_time(temporal::max_time(false), 0);
                let misfit = if clamped && !self.strict {
                    Misfit::OutOfRange
                } else {
                    Misfit::IncorrectTemporal("time")
                };
                Stored::misfit(Value::Time(time), misfit)
            }
            None => Stored::misfit(Value::Time(TimeDelta::zero()), Misfit::IncorrectTemporal("time")),
        }
    }

    fn convert(&self) -> Converter<'_> {
        Converter { warnings: self.warnings, today: self.today }
    }
}

/// Whether nothing needs to be done or checked: the way of most values, and of all that come from a column of the
/// same type.
fn fits_as_it_is(value: &Value, to: DataType) -> bool {
    match (value, to) {
        (Value::Int(value), DataType::Integer { width, unsigned: false }) => {
            let (min, max) = width.signed_range();
            (min..=max).contains(value)
        }
        (Value::UInt(value), DataType::Integer { width, unsigned: true }) => *value <= width.unsigned_max(),
        // A character has at least one byte.
        (Value::Text(text), DataType::VarChar(length)) => {
            u32::try_from(text.len()).is_ok_and(|bytes| bytes <= length)
        }
        (Value::Text(text), DataType::Text(width)) => {
            u32::try_from(text.len()).is_ok_and(|bytes| bytes <= width.max_bytes())
        }
        (Value::Double(_), DataType::Double) => true,
        _ => false,
    }
}

/// The number that a text starts with, how the text is not just that, and whether only spaces follow.
fn text_number(text: &str, kind: &'static str) -> (BigDecimal, Option<Misfit>, bool) {
    let parsed = number::parse_decimal(text);
    match parsed.rest {
        Rest::Nothing => (parsed.value, None, false),
        Rest::Spaces => (parsed.value, None, true),
        Rest::Garbage => (parsed.value, Some(garbage(text, kind)), false),
    }
}

/// How a text that is not wholly a number does not fit.
fn garbage(text: &str, kind: &'static str) -> Misfit {
    let start =
        text.trim_start_matches(number::is_space).trim_start_matches(['+', '-']).trim_start_matches('.');
    if start.starts_with(|c: char| c.is_ascii_digit()) { Misfit::Truncated } else { Misfit::Incorrect(kind) }
}

/// The nearest integer of the type. `negative` is the sign before rounding: -0.4 is out of an UNSIGNED's range.
fn fit_integer(number: i128, negative: bool, width: IntWidth, unsigned: bool) -> Stored {
    if unsigned {
        let max = width.unsigned_max();
        return match u64::try_from(number) {
            Ok(number) if number <= max && !negative => Stored::exact(Value::UInt(number)),
            _ if negative => Stored::misfit(Value::UInt(0), Misfit::OutOfRange),
            _ => Stored::misfit(Value::UInt(max), Misfit::OutOfRange),
        };
    }
    let (min, max) = width.signed_range();
    match i64::try_from(number) {
        Ok(number) if (min..=max).contains(&number) => Stored::exact(Value::Int(number)),
        _ => Stored::misfit(Value::Int(if number < 0 { min } else { max }), Misfit::OutOfRange),
    }
}

/// A stored DOUBLE rounded to what FLOAT holds.
#[expect(clippy::cast_possible_truncation, reason = "this is FLOAT's rounding")]
fn store_float(stored: Stored) -> Stored {
    let Value::Double(number) = stored.value else { return stored };
    let clamped = number.clamp(f32::MIN.into(), f32::MAX.into());
    let out_of_range = (clamped != number).then_some(Misfit::OutOfRange);
    Stored {
        value: Value::Double(f64::from(clamped as f32)),
        misfit: stored.misfit.or(out_of_range),
        ..stored
    }
}

fn store_text(value: &Value, from: &ExprType, to: DataType) -> Stored {
    let text = match value {
        Value::Bytes(bytes) => match str::from_utf8(bytes) {
            Ok(text) => Cow::Borrowed(text),
            Err(error) => {
                let valid = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
                return Stored::misfit(Value::text(valid), Misfit::Incorrect("string"));
            }
        },
        value => convert::to_text(value, from).unwrap_or_default(),
    };
    let (end, is_char) = match to {
        DataType::Char(length) => (char_limit(&text, length), true),
        DataType::VarChar(length) => (char_limit(&text, length), false),
        DataType::Text(width) => (byte_limit(&text, width.max_bytes()), false),
        _ => (text.len(), false),
    };
    let (kept, rest) = text.split_at(end);
    // CHAR forgets the spaces at its end.
    let kept = if is_char { kept.trim_end_matches(' ') } else { kept };
    let value = Value::Text(CompactString::from(kept));
    if rest.is_empty() {
        Stored::exact(value)
    } else if rest.bytes().all(|byte| byte == b' ') {
        Stored::noting(value, !is_char)
    } else {
        Stored::misfit(value, Misfit::TooLong)
    }
}

/// The end of a text's first `length` characters.
fn char_limit(text: &str, length: u32) -> usize {
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if text.len() <= length {
        return text.len();
    }
    text.char_indices().nth(length).map_or(text.len(), |(end, _)| end)
}

/// The end of the whole characters in a text's first `length` bytes.
fn byte_limit(text: &str, length: u32) -> usize {
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    text.floor_char_boundary(length)
}

fn store_bytes(value: &Value, from: &ExprType, to: DataType) -> Stored {
    let bytes = convert::to_bytes(value, from).unwrap_or_default();
    let (length, fixed) = match to {
        DataType::Binary(length) => (length, true),
        DataType::VarBinary(length) => (length, false),
        DataType::Blob(width) => (width.max_bytes(), false),
        _ => (u32::MAX, false),
    };
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let too_long = bytes.len() > length;
    let mut bytes = bytes.into_owned();
    bytes.truncate(length);
    if fixed {
        bytes.resize(length, 0);
    }
    let value = Value::Bytes(bytes.into());
    if too_long { Stored::misfit(value, Misfit::TooLong) } else { Stored::exact(value) }
}

/// Bytes as a message shows them, from the first that is no text: `\xFF`.
fn escape_bytes(bytes: &[u8]) -> String {
    /// Most bytes that are shown.
    const MAX_SHOWN: usize = 6;
    let start = str::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), str::len);
    let shown = bytes[start..].iter().take(MAX_SHOWN);
    let mut text: String = shown
        .map(|byte| match byte {
            b' '..=b'~' => char::from(*byte).to_string(),
            byte => format!("\\x{byte:02X}"),
        })
        .collect();
    if bytes.len() - start > MAX_SHOWN {
        text.push_str("...");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::types::{ColumnDefault, TextWidth, literal_type};

    fn assign(value: Value, data_type: DataType, strict: bool) -> (Result<Value>, u64) {
        let warnings = Warnings::default();
        let assignment = Assignment {
            database: "d",
            table: "t",
            row: 1,
            strict,
            warnings: &warnings,
            today: NaiveDate::from_ymd_opt(2024, 1, 1).unwrap(),
        };
        let column = ColumnSchema {
            name: "c".to_owned(),
            data_type,
            nullable: false,
            default: ColumnDefault::None,
            invisible: false,
        };
        let from = literal_type(&value);
        (assignment.assign(value, &from, &column), warnings.count())
    }

    fn int(unsigned: bool) -> DataType {
        DataType::Integer { width: IntWidth::Int, unsigned }
    }

    #[test]
    fn texts_become_rounded_integers() {
        for (text, number) in [("12", 12), ("1.5", 2), ("-2.5", -3), ("2.5e0", 3)] {
            assert_eq!(assign(Value::text(text), int(false), true), (Ok(Value::Int(number)), 0), "{text}");
        }
        assert_eq!(assign(Value::text(" 12 "), int(false), true), (Ok(Value::Int(12)), 1));
    }

    #[test]
    fn what_does_not_fit_is_refused_in_strict_mode_and_mended_without() {
        let code = |value: Value, data_type| assign(value, data_type, true).0.unwrap_err().codes().0;
        assert_eq!(code(Value::text("abc"), int(false)), 1366);
        assert_eq!(code(Value::text("12abc"), int(false)), 1265);
        assert_eq!(code(Value::Int(-1), int(true)), 1264);
        assert_eq!(code(Value::text("abcd"), DataType::VarChar(3)), 1406);
        assert_eq!(code(Value::text("x".repeat(256)), DataType::Text(TextWidth::Tiny)), 1406);
        assert_eq!(code(Value::text("2024-13-01"), DataType::Date), 1292);
        assert_eq!(code(Value::Bytes([0xff].into()), DataType::VarChar(3)), 1366);
        assert_eq!(code(Value::Null, int(false)), 1048);
        assert_eq!(assign(Value::Int(1 << 40), int(false), false), (Ok(Value::Int(i32::MAX.into())), 1));
        assert_eq!(assign(Value::text("abcd"), DataType::VarChar(3), false), (Ok(Value::text("abc")), 1));
        assert_eq!(assign(Value::Null, int(false), false), (Ok(Value::Int(0)), 1));
    }

    #[test]
    fn trailing_spaces_may_be_lost() {
        assert_eq!(assign(Value::text("abc   "), DataType::VarChar(3), true), (Ok(Value::text("abc")), 1));
        assert_eq!(assign(Value::text("ab "), DataType::Char(3), true), (Ok(Value::text("ab")), 0));
    }

    #[test]
    fn errors_name_the_place() {
        let error = assign(Value::text("abc"), int(false), true).0.unwrap_err();
        assert_eq!(error.to_string(), "Incorrect integer value: 'abc' for column `d`.`t`.`c` at row 1");
        let error = assign(Value::Bytes([b'a', 0xff].into()), DataType::VarChar(3), true).0.unwrap_err();
        assert_eq!(error.to_string(), "Incorrect string value: '\\xFF' for column `d`.`t`.`c` at row 1");
    }
}
