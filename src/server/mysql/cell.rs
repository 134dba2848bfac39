//! One value on its way to the client.

use std::io;

use chrono::{Datelike, NaiveDate, NaiveDateTime, TimeDelta, Timelike};
use compact_str::CompactString;

use super::packet::put_string;
use crate::{
    error::Error,
    sql::types::{DataType, IntWidth, ResultColumn, Value, write_value},
};

/// What stands for NULL in a row of text.
const NULL_TEXT: u8 = 0xfb;

/// A value and the column it stands in, which says how it is written.
pub(super) struct Cell<'a>(pub &'a Value, pub &'a ResultColumn);

impl Cell<'_> {
    /// Why the value cannot be sent in binary, which is no more and no less than a mistake of the engine about its types.
    pub fn misfit(&self) -> Option<Error> {
        let Cell(value, column) = self;
        let data_type = column.expr_type.data_type;
        let fits = match (data_type, value) {
            (_, Value::Null) => true,
            (DataType::Integer { width, unsigned }, Value::Int(_) | Value::UInt(_)) => {
                if is_within(value, width, unsigned) {
                    return None;
                }
                let kind = if unsigned { "INT UNSIGNED" } else { "INT" };
                return Some(Error::OutOfRange { kind, expression: column.name.clone() });
            }
            (DataType::Float | DataType::Double, Value::Double(_))
            | (DataType::Date, Value::Date(_))
            | (DataType::Time(_), Value::Time(_))
            | (DataType::DateTime(_) | DataType::Timestamp(_), Value::DateTime(_)) => true,
            (
                DataType::Integer { .. }
                | DataType::Float
                | DataType::Double
                | DataType::Date
                | DataType::Time(_)
                | DataType::DateTime(_)
                | DataType::Timestamp(_)
                | DataType::Null,
                _,
            ) => false,
            // Every other type is sent as its text.
            _ => true,
        };
        (!fits).then(|| {
            Error::Internal(format!("column '{}' of type {data_type:?} holds {value:?}", column.name))
        })
    }

    /// Appends it as text, or as the mark of NULL.
    pub fn put_text(&self, out: &mut Vec<u8>) -> io::Result<()> {
        match self.0 {
            Value::Null => out.push(NULL_TEXT),
            Value::Int(number) => put_string(out, itoa::Buffer::new().format(*number).as_bytes()),
            Value::UInt(number) => put_string(out, itoa::Buffer::new().format(*number).as_bytes()),
            Value::Text(text) => put_string(out, text.as_bytes()),
            Value::Bytes(bytes) => put_string(out, bytes),
            value => {
                let mut text = CompactString::default();
                write_value(&mut text, value, &self.1.expr_type).map_err(io::Error::other)?;
                put_string(out, text.as_bytes());
            }
        }
        Ok(())
    }

    /// Appends it in its column's binary form; it is not NULL.
    pub fn put_binary(&self, out: &mut Vec<u8>) -> io::Result<()> {
        match (self.1.expr_type.data_type, self.0) {
            (DataType::Integer { width, .. }, value) => {
                // The same bits for signed and unsigned; the narrower widths are the low bytes.
                let bytes = match value {
                    Value::Int(number) => number.to_le_bytes(),
                    Value::UInt(number) => number.to_le_bytes(),
                    _ => return Err(self.unexpected()),
                };
                out.extend(match width {
                    IntWidth::Tiny => &bytes[..1],
                    IntWidth::Small => &bytes[..2],
                    IntWidth::Medium | IntWidth::Int => &bytes[..4],
                    IntWidth::Big => &bytes,
                });
            }
            #[expect(
                clippy::cast_possible_truncation,
                reason = "a FLOAT's values are rounded to its precision"
            )]
            (DataType::Float, Value::Double(number)) => out.extend((*number as f32).to_le_bytes()),
            (DataType::Double, Value::Double(number)) => out.extend(number.to_le_bytes()),
            (DataType::Date, Value::Date(day)) => put_date(out, *day),
            (DataType::DateTime(_) | DataType::Timestamp(_), Value::DateTime(moment)) => {
                put_datetime(out, *moment);
            }
            (DataType::Time(_), Value::Time(span)) => put_time(out, *span),
            (
                DataType::Float
                | DataType::Double
                | DataType::Date
                | DataType::DateTime(_)
                | DataType::Timestamp(_)
                | DataType::Time(_)
                | DataType::Null,
                _,
            ) => return Err(self.unexpected()),
            // Every other type is sent as its text.
            _ => return self.put_text(out),
        }
        Ok(())
    }

    /// The shim has looked at [`Cell::misfit`] before.
    fn unexpected(&self) -> io::Error {
        io::Error::other(self.misfit().unwrap_or(Error::MalformedPacket))
    }
}

/// Whether an integer is one of its column's type.
fn is_within(value: &Value, width: IntWidth, unsigned: bool) -> bool {
    let (min, max) = width.signed_range();
    match (value, unsigned) {
        (Value::Int(number), false) => (min..=max).contains(number),
        (Value::Int(number), true) => {
            u64::try_from(*number).is_ok_and(|number| number <= width.unsigned_max())
        }
        (Value::UInt(number), true) => *number <= width.unsigned_max(),
        (Value::UInt(number), false) => i64::try_from(*number).is_ok_and(|number| number <= max),
        _ => false,
    }
}

/// One byte of a date or time; chrono keeps them all far below 256.
fn byte(number: u32) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}

fn date_bytes(day: NaiveDate) -> [u8; 4] {
    let [low, high] = u16::try_from(day.year()).unwrap_or_default().to_le_bytes();
    [low, high, byte(day.month()), byte(day.day())]
}

fn put_date(out: &mut Vec<u8>, day: NaiveDate) {
    out.push(4);
    out.extend(date_bytes(day));
}

fn put_datetime(out: &mut Vec<u8>, moment: NaiveDateTime) {
    let microseconds = moment.nanosecond() / 1_000;
    out.push(if microseconds == 0 { 7 } else { 11 });
    out.extend(date_bytes(moment.date()));
    out.extend([byte(moment.hour()), byte(moment.minute()), byte(moment.second())]);
    if microseconds != 0 {
        out.extend(microseconds.to_le_bytes());
    }
}

fn put_time(out: &mut Vec<u8>, span: TimeDelta) {
    if span.is_zero() {
        return out.push(0);
    }
    let positive = span.abs();
    let part = |number: i64| u32::try_from(number).unwrap_or(u32::MAX);
    let microseconds = part(i64::from(positive.subsec_nanos()) / 1_000);
    out.extend([if microseconds == 0 { 8 } else { 12 }, u8::from(span < TimeDelta::zero())]);
    out.extend(part(positive.num_days()).to_le_bytes());
    out.extend([
        byte(part(positive.num_hours() % 24)),
        byte(part(positive.num_minutes() % 60)),
        byte(part(positive.num_seconds() % 60)),
    ]);
    if microseconds != 0 {
        out.extend(microseconds.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binary(value: &Value, data_type: DataType) -> Vec<u8> {
        let mut out = Vec::new();
        let column = ResultColumn::expression("x", data_type);
        Cell(value, &column).put_binary(&mut out).unwrap();
        out
    }

    #[test]
    fn integers_take_their_column_s_width() {
        let integer = |width, unsigned| DataType::Integer { width, unsigned };
        assert_eq!(binary(&Value::Int(-5), integer(IntWidth::Tiny, false)), [0xfb]);
        assert_eq!(binary(&Value::Int(200), integer(IntWidth::Tiny, true)), [200]);
        assert_eq!(binary(&Value::Int(-2), integer(IntWidth::Small, false)), [0xfe, 0xff]);
        assert_eq!(binary(&Value::Int(7), integer(IntWidth::Int, false)), [7, 0, 0, 0]);
        assert_eq!(binary(&Value::UInt(u64::MAX), integer(IntWidth::Big, true)), [0xff; 8]);
    }

    #[test]
    fn what_its_column_cannot_hold_is_told() {
        let tiny = |unsigned| DataType::Integer { width: IntWidth::Tiny, unsigned };
        let misfit = |value: Value, data_type| {
            Cell(&value, &ResultColumn::expression("x", data_type)).misfit().map(|error| error.codes().0)
        };
        for (value, data_type) in [
            (Value::Int(-128), tiny(false)),
            (Value::UInt(127), tiny(false)),
            (Value::Int(255), tiny(true)),
            (Value::Null, tiny(true)),
            (Value::Null, DataType::Null),
            (Value::Double(1e300), DataType::Double),
            (Value::Int(5), DataType::VarChar(1)),
        ] {
            assert_eq!(misfit(value.clone(), data_type), None, "{value:?} in {data_type:?}");
        }
        for (value, data_type) in [
            (Value::Int(128), tiny(false)),
            (Value::UInt(u64::MAX), tiny(false)),
            (Value::Int(-1), tiny(true)),
            (Value::UInt(256), tiny(true)),
        ] {
            assert_eq!(misfit(value.clone(), data_type), Some(1690), "{value:?} in {data_type:?}");
        }
        for (value, data_type) in [
            (Value::Double(1.0), tiny(true)),
            (Value::Int(1), DataType::Double),
            (Value::text("2026-01-01"), DataType::Date),
            (Value::Int(1), DataType::Null),
        ] {
            assert_eq!(misfit(value.clone(), data_type), Some(1815), "{value:?} in {data_type:?}");
        }
    }

    #[test]
    fn times_may_be_negative() {
        let span = TimeDelta::try_hours(-26).unwrap() - TimeDelta::microseconds(5);
        assert_eq!(binary(&Value::Time(span), DataType::Time(6)), [12, 1, 1, 0, 0, 0, 2, 0, 0, 5, 0, 0, 0]);
        assert_eq!(binary(&Value::Time(TimeDelta::zero()), DataType::Time(0)), [0]);
    }

    #[test]
    fn datetimes_with_and_without_fraction() {
        let moment = NaiveDate::from_ymd_opt(2026, 2, 3).unwrap().and_hms_micro_opt(4, 5, 6, 7).unwrap();
        let whole = moment.with_nanosecond(0).unwrap();
        assert_eq!(
            binary(&Value::DateTime(moment), DataType::DateTime(6)),
            [11, 0xea, 7, 2, 3, 4, 5, 6, 7, 0, 0, 0]
        );
        assert_eq!(binary(&Value::DateTime(whole), DataType::DateTime(6)), [7, 0xea, 7, 2, 3, 4, 5, 6]);
        assert_eq!(binary(&Value::Date(moment.date()), DataType::Date), [4, 0xea, 7, 2, 3]);
    }
}
