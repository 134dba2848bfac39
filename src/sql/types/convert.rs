//! Values turned into other kinds of values, with the warnings that MariaDB gives.

use std::{borrow::Cow, fmt::Display};

use bigdecimal::{BigDecimal, FromPrimitive, ToPrimitive, num_bigint::Sign};
use chrono::{NaiveDate, NaiveDateTime, TimeDelta};

use super::{
    ExprType, Printed, Value, decimal,
    number::{self, Parsed, Rest},
    print,
    temporal::{self, MAX_FRACTION_DIGITS},
    warnings::{Level, Warnings},
};

/// Converts values; what is lost becomes a warning.
#[derive(Clone, Copy, Debug)]
pub struct Converter<'a> {
    /// Where the warnings go.
    pub warnings: &'a Warnings,
    /// The day that a TIME is put on where a moment is asked for.
    pub today: NaiveDate,
}

impl Converter<'_> {
    /// As a floating point number; None for NULL.
    pub fn double(&self, value: &Value) -> Option<f64> {
        Some(match value {
            Value::Null => return None,
            Value::Double(value) => *value,
            Value::Decimal(value) => decimal::to_double(value),
            Value::Text(text) => self.text_to_double(text),
            Value::Bytes(bytes) => self.text_to_double(&String::from_utf8_lossy(bytes)),
            value => match temporal_number(value)? {
                (whole, 0) => integer_to_double(whole),
                (whole, micro) => integer_to_double(whole) + integer_to_double(micro) / 1e6,
            },
        })
    }

    fn text_to_double(&self, text: &str) -> f64 {
        let Parsed { value, rest } = number::parse_double(text);
        self.remark(rest, "DOUBLE", text);
        value
    }

    /// As an exact number; None for NULL.
    pub fn decimal(&self, value: &Value) -> Option<BigDecimal> {
        Some(match value {
            Value::Null => return None,
            Value::Decimal(value) => (**value).clone(),
            Value::Double(value) => decimal::from_double(*value),
            Value::Text(text) => self.text_to_decimal(text),
            Value::Bytes(bytes) => self.text_to_decimal(&String::from_utf8_lossy(bytes)),
            value => match temporal_number(value)? {
                (whole, 0) => BigDecimal::from(whole),
                (whole, micro) => {
                    temporal::with_fraction(i64::try_from(whole).ok()?, i64::try_from(micro).ok()?)
                }
            },
        })
    }

    fn text_to_decimal(&self, text: &str) -> BigDecimal {
        let Parsed { value, rest } = number::parse_decimal(text);
        self.remark(rest, "DECIMAL", text);
        value
    }

    /// As an integer within BIGINT or BIGINT UNSIGNED, numbers rounded; None for NULL. A text counts up to its first
    /// character that is no digit.
    pub fn integer(&self, value: &Value) -> Option<i128> {
        Some(match value {
            Value::Null => return None,
            Value::Double(value) => self.clamp(double_to_integer(*value), value),
            Value::Decimal(value) => {
                let integer = decimal::to_integer(value).unwrap_or(match value.sign() {
                    Sign::Minus => i128::MIN,
                    _ => i128::MAX,
                });
                self.clamp(integer, value.to_plain_string())
            }
            Value::Text(text) => self.text_to_integer(text),
            Value::Bytes(bytes) => self.text_to_integer(&String::from_utf8_lossy(bytes)),
            value => temporal_number(value)?.0,
        })
    }

    fn text_to_integer(&self, text: &str) -> i128 {
        let Parsed { value, rest } = number::parse_integer(text);
        self.remark(rest, "INTEGER", text);
        value
    }

    /// As an integer for the bit operators: everything counts as an exact number first, and is rounded.
    pub fn bits(&self, value: &Value) -> Option<u64> {
        let integer = match value {
            Value::Int(_) | Value::UInt(_) => self.integer(value)?,
            value => self.integer(&Value::decimal(self.decimal(value)?))?,
        };
        Some(to_bits(integer))
    }

    fn clamp(&self, integer: i128, value: impl Display) -> i128 {
        let (clamped, kind) = if integer < i128::from(i64::MIN) {
            (i128::from(i64::MIN), "INT")
        } else if integer > i128::from(u64::MAX) {
            (i128::from(u64::MAX), "UNSIGNED INT")
        } else {
            return integer;
        };
        self.warnings.push(Level::Warning, 1916, || {
            format!("Got overflow when converting '{value}' to {kind}. Value truncated")
        });
        clamped
    }

    fn remark(&self, rest: Rest, kind: &str, text: &str) {
        match rest {
            Rest::Nothing => {}
            Rest::Spaces => self.warnings.truncated(Level::Note, kind, text),
            Rest::Garbage => self.warnings.truncated(Level::Warning, kind, text),
        }
    }

    /// Whether it counts as true; None for NULL.
    pub fn truth(&self, value: &Value) -> Option<bool> {
        match value {
            Value::Null => None,
            Value::Int(value) => Some(*value != 0),
            Value::UInt(value) => Some(*value != 0),
            value => self.double(value).map(|value| value != 0.0),
        }
    }

    /// As a moment; None, with a warning, if it names none. A TIME is a time of today.
    pub fn datetime(&self, value: &Value) -> Option<NaiveDateTime> {
        match value {
            Value::Null => None,
            Value::DateTime(moment) => Some(*moment),
            Value::Date(day) => Some(temporal::midnight(*day)),
            Value::Time(time) => temporal::midnight(self.today).checked_add_signed(*time),
            Value::Text(text) => temporal::parse_datetime(text, self.warnings),
            Value::Bytes(bytes) => temporal::parse_datetime(&String::from_utf8_lossy(bytes), self.warnings),
            number => {
                let moment = self
                    .split_number(number)
                    .and_then(|(whole, micro)| temporal::datetime_from_number(whole, micro));
                if moment.is_none() {
                    self.warnings.incorrect("datetime", number);
                }
                moment
            }
        }
    }

    /// As a day; None, with a warning, if it names none.
    pub fn date(&self, value: &Value) -> Option<NaiveDate> {
        self.datetime(value).map(|moment| moment.date())
    }

    /// As a span; None, with a warning, if it names none. A moment is its time of day.
    pub fn time(&self, value: &Value) -> Option<TimeDelta> {
        match value {
            Value::Null => None,
            Value::Time(time) => Some(*time),
            Value::DateTime(moment) => Some(temporal::time_of_day(*moment)),
            Value::Date(_) => Some(TimeDelta::zero()),
            Value::Text(text) => temporal::parse_time(text, self.warnings),
            Value::Bytes(bytes) => temporal::parse_time(&String::from_utf8_lossy(bytes), self.warnings),
            number => {
                let parsed = self
                    .split_number(number)
                    .and_then(|(whole, micro)| temporal::time_from_number(whole, micro));
                let parsed = parsed.map(|parsed| match number {
                    // -0.5 has no whole part to carry the sign.
                    Value::Decimal(number) if number.sign() == Sign::Minus => {
                        temporal::ParsedTime { time: -parsed.time.abs(), ..parsed }
                    }
                    _ => parsed,
                });
                match parsed {
                    Some(parsed) => {
                        if parsed.truncated {
                            self.warnings.truncated(Level::Warning, "time", number);
                        }
                        Some(parsed.time)
                    }
                    None => {
                        self.warnings.incorrect("time", number);
                        None
                    }
                }
            }
        }
    }

    /// A number's whole part, at most the greatest BIGINT, and its millionths.
    fn split_number(&self, value: &Value) -> Option<(i64, u32)> {
        match value {
            Value::Int(value) => Some((*value, 0)),
            Value::UInt(value) => Some((i64::try_from(*value).unwrap_or(i64::MAX), 0)),
            value => {
                let number = self.decimal(value)?;
                Some(temporal::split_number(&number).unwrap_or(match number.sign() {
                    Sign::Minus => (i64::MIN, 0),
                    _ => (i64::MAX, 0),
                }))
            }
        }
    }
}

/// A whole number or a temporal value as a number, and its millionths with the same sign; None for others.
fn temporal_number(value: &Value) -> Option<(i128, i128)> {
    let micro = |micro: i64| i128::from(micro % 1_000_000);
    match value {
        Value::Int(value) => Some((i128::from(*value), 0)),
        Value::UInt(value) => Some((i128::from(*value), 0)),
        Value::Date(day) => Some((i128::from(temporal::date_number(*day)), 0)),
        Value::Time(time) => Some((i128::from(temporal::time_number(*time)), micro(temporal::micros(*time)))),
        Value::DateTime(moment) => {
            let micros = i128::from(moment.and_utc().timestamp_subsec_micros());
            Some((i128::from(temporal::datetime_number(*moment)), micros))
        }
        _ => None,
    }
}

/// An integer within BIGINT or BIGINT UNSIGNED as 64 bits in two's complement: -1 is all bits.
pub(crate) fn to_bits(integer: i128) -> u64 {
    u64::try_from(integer).unwrap_or_else(|_| i64::try_from(integer).unwrap_or(i64::MIN).cast_unsigned())
}

/// Nearest floating point number.
pub(crate) fn integer_to_double(value: i128) -> f64 {
    f64::from_i128(value).unwrap_or(f64::NAN)
}

/// Rounded half to even, as the processor does; saturates.
pub(crate) fn double_to_integer(value: f64) -> i128 {
    let rounded = value.round_ties_even();
    rounded.to_i128().unwrap_or(if rounded > 0.0 { i128::MAX } else { i128::MIN })
}

/// A value of this type as text; None for NULL. Bytes become the characters they encode.
pub fn to_text<'a>(value: &'a Value, expr_type: &ExprType) -> Option<Cow<'a, str>> {
    Some(match print::print(value, expr_type)? {
        Printed::Text(text) => text,
        Printed::Bytes(bytes) => String::from_utf8_lossy(bytes),
    })
}

/// A value of this type as bytes; None for NULL.
pub fn to_bytes<'a>(value: &'a Value, expr_type: &ExprType) -> Option<Cow<'a, [u8]>> {
    Some(match print::print(value, expr_type)? {
        Printed::Text(Cow::Borrowed(text)) => Cow::Borrowed(text.as_bytes()),
        Printed::Text(Cow::Owned(text)) => Cow::Owned(text.into_bytes()),
        Printed::Bytes(bytes) => Cow::Borrowed(bytes),
    })
}

/// An integer as a value: signed where that can hold it.
pub fn integer_value(value: i128, unsigned: bool) -> Option<Value> {
    if unsigned {
        u64::try_from(value).ok().map(Value::UInt)
    } else {
        i64::try_from(value).ok().map(Value::Int)
    }
}

/// Digits of a second that a value has.
pub fn value_fraction(micros: i64) -> u8 {
    if micros % 1_000_000 == 0 { 0 } else { MAX_FRACTION_DIGITS }
}
