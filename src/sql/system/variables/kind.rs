//! What values a variable takes, and how they look.

use std::borrow::Cow;

use bigdecimal::ToPrimitive;

use super::sql_mode;
use crate::{
    error::{Error, Result},
    sql::{
        system::{character_sets, time_zone},
        types::{
            Level, Value, Warnings,
            convert::{integer_to_double, to_text},
            literal_type,
        },
    },
};

/// Bytes of a text that a variable holds.
const MAX_TEXT: usize = 1024;

/// What values a variable takes; in brackets how they are held.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// ON or OFF (1 or 0).
    Switch,
    /// A whole number; what lies outside is moved to the nearest bound, with a warning.
    Number { min: u64, max: u64 },
    /// A number of seconds from 0 to `max`, with decimals.
    Seconds { max: f64 },
    /// Any text.
    Text,
    /// One of these words (its position).
    Choice(&'static [&'static str]),
    /// Some of `sql_mode`'s words (bits).
    SqlMode,
    /// A character set (number of its default collation), or NULL if `nullable`.
    CharacterSet { nullable: bool },
    /// A collation (its number).
    Collation,
    /// `SYSTEM`, `UTC` or an offset (as text).
    TimeZone,
}

impl Kind {
    /// Turns what a client assigned to `name` into the form in which it is held. Errors 1231 and 1232, and those of the
    /// names of character sets, collations and time zones.
    pub(super) fn accept(self, name: &str, value: &Value, warnings: &Warnings) -> Result<Value> {
        match self {
            Kind::Number { min, max } => number(name, value, min, max, warnings),
            Kind::Seconds { max } => seconds(name, value, max, warnings),
            Kind::Text => match value {
                Value::Text(text) if text.len() <= MAX_TEXT => Ok(value.clone()),
                Value::Null => Ok(Value::Null),
                Value::Text(_) => Err(wrong_value(name, value)),
                _ => Err(wrong_type(name)),
            },
            Kind::Switch => word(name, value, &["OFF", "ON"]),
            Kind::Choice(words) => word(name, value, words),
            Kind::SqlMode => match (value, whole(value)) {
                (Value::Text(text), _) => sql_mode::parse(text).ok_or_else(|| wrong_value(name, value)),
                (_, Some(bits)) => u64::try_from(bits)
                    .ok()
                    .and_then(sql_mode::from_bits)
                    .ok_or_else(|| wrong_value(name, value)),
                _ => Err(wrong(name, value)),
            }
            .map(|mode| Value::UInt(mode.bits())),
            Kind::CharacterSet { nullable: true } if value.is_null() => Ok(Value::Null),
            Kind::CharacterSet { .. } => {
                collation(name, value, character_sets::character_set_by_name, |id| {
                    Error::UnknownCharacterSet(id)
                })
            }
            Kind::Collation => {
                collation(name, value, character_sets::collation_by_name, Error::UnknownCollation)
            }
            Kind::TimeZone => match value {
                Value::Text(text) => time_zone::normalize(text).map(Value::text),
                _ => Err(wrong(name, value)),
            },
        }
    }

    /// The value as SELECT shows it: numbers as numbers, everything else as text.
    pub(super) fn shown(self, held: &Value) -> Value {
        match (self, held) {
            (Kind::Switch, Value::UInt(on)) => Value::Int(i64::from(*on != 0)),
            (Kind::Number { .. } | Kind::Seconds { .. }, _) => held.clone(),
            _ => self.text(held).map_or(Value::Null, Value::text),
        }
    }

    /// The value as SHOW VARIABLES shows it; None for NULL.
    pub(super) fn text(self, held: &Value) -> Option<String> {
        let by_id = |id: &u64| u16::try_from(*id).ok().and_then(character_sets::collation_by_id);
        match (self, held) {
            (_, Value::Null) => None,
            (Kind::Switch, Value::UInt(on)) => Some(if *on == 0 { "OFF" } else { "ON" }.to_owned()),
            (Kind::Choice(words), Value::UInt(index)) => {
                usize::try_from(*index).ok().and_then(|index| words.get(index)).map(|&word| word.to_owned())
            }
            (Kind::SqlMode, Value::UInt(bits)) => Some(sql_mode::SqlMode::new(*bits).to_string()),
            (Kind::CharacterSet { .. }, Value::UInt(id)) => {
                by_id(id).map(|collation| collation.character_set.name.to_owned())
            }
            (Kind::Collation, Value::UInt(id)) => by_id(id).map(|collation| collation.name.to_owned()),
            (_, Value::Double(seconds)) => Some(format!("{seconds:.6}")),
            _ => plain_text(held),
        }
    }
}

/// The value as a whole number, if its type is one.
fn whole(value: &Value) -> Option<i128> {
    match value {
        Value::Int(number) => Some((*number).into()),
        Value::UInt(number) => Some((*number).into()),
        _ => None,
    }
}

fn number(name: &str, value: &Value, min: u64, max: u64, warnings: &Warnings) -> Result<Value> {
    let wanted = whole(value).ok_or_else(|| wrong_type(name))?;
    let accepted = wanted.clamp(min.into(), max.into());
    if accepted != wanted {
        warnings.truncated(Level::Warning, name, wanted);
    }
    Ok(Value::UInt(u64::try_from(accepted).unwrap_or(max)))
}

fn seconds(name: &str, value: &Value, max: f64, warnings: &Warnings) -> Result<Value> {
    let wanted = match value {
        Value::Double(seconds) => Some(*seconds),
        Value::Decimal(seconds) => seconds.to_f64(),
        value => whole(value).map(integer_to_double),
    }
    .ok_or_else(|| wrong_type(name))?;
    let accepted = wanted.clamp(0.0, max);
    if accepted != wanted {
        warnings.truncated(Level::Warning, name, wanted);
    }
    Ok(Value::Double(accepted))
}

fn word(name: &str, value: &Value, words: &[&str]) -> Result<Value> {
    let index = match (value, whole(value)) {
        (Value::Text(text), _) => words.iter().position(|word| word.eq_ignore_ascii_case(text)),
        (_, Some(index)) => usize::try_from(index).ok().filter(|&index| index < words.len()),
        _ => return Err(wrong(name, value)),
    };
    let index = index.and_then(|index| u64::try_from(index).ok()).ok_or_else(|| wrong_value(name, value))?;
    Ok(Value::UInt(index))
}

/// A character set or collation by name, or by the number of a collation.
fn collation(
    name: &str,
    value: &Value,
    by_name: fn(&str) -> Result<&'static character_sets::Collation>,
    unknown: fn(String) -> Error,
) -> Result<Value> {
    let collation = match (value, whole(value)) {
        (Value::Text(text), _) => by_name(text)?,
        (_, Some(id)) => u16::try_from(id)
            .ok()
            .and_then(character_sets::collation_by_id)
            .ok_or_else(|| unknown(id.to_string()))?,
        _ => return Err(wrong(name, value)),
    };
    Ok(Value::UInt(collation.id.into()))
}

fn plain_text(value: &Value) -> Option<String> {
    to_text(value, &literal_type(value)).map(Cow::into_owned)
}

fn wrong_type(name: &str) -> Error {
    Error::VariableType(name.to_owned())
}

fn wrong_value(name: &str, value: &Value) -> Error {
    let value = plain_text(value).unwrap_or_else(|| "NULL".to_owned());
    Error::VariableValue { variable: name.to_owned(), value }
}

/// What MariaDB says about a value of no fitting type: NULL is a wrong value, anything else a wrong type.
fn wrong(name: &str, value: &Value) -> Error {
    if value.is_null() { wrong_value(name, value) } else { wrong_type(name) }
}
