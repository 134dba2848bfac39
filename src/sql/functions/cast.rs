//! CAST and CONVERT.

use std::borrow::Cow;

use super::{Argument, CastTarget, Function, Invocation};
use crate::{
    error::Result,
    sql::types::{
        Class, DataType, ExprType, IntWidth, Level, Value, convert, decimal,
        temporal::{cut_datetime, cut_time},
    },
};

/// Bound by [`super::Call::cast`] only, which gives the result's type.
pub(super) static CAST: Function = Function::new("cast", (1, 1), |args: &[Argument]| args[0].expr_type, cast);

/// The type of a CAST.
pub(super) fn result_type(arg: &ExprType, target: CastTarget) -> ExprType {
    let (result, nullable) = match target {
        CastTarget::Char(length) => (ExprType::text(length.unwrap_or(arg.length)), true),
        CastTarget::Binary(length) => (ExprType::bytes(length.unwrap_or(arg.length)), true),
        CastTarget::Signed if arg.data_type.class() == Class::Double => {
            (ExprType::bigint(20, false), arg.nullable)
        }
        CastTarget::Signed => (ExprType::integer(arg.length, false), arg.nullable),
        CastTarget::Unsigned => {
            // What may be negative becomes a great number.
            let is_integer = arg.data_type.class() == Class::Integer;
            let never_negative = arg.data_type.is_binary() && arg.length <= 2
                || is_integer && arg.length == u32::from(arg.precision)
                || arg.data_type.class() == Class::String && arg.length <= 1;
            let length = if never_negative { arg.length } else { 20 };
            let width = if length <= 10 { IntWidth::Int } else { IntWidth::Big };
            let result = ExprType { length, ..ExprType::new(DataType::Integer { width, unsigned: true }) };
            (result, arg.nullable)
        }
        CastTarget::Decimal(precision, scale) => (ExprType::decimal(precision.into(), scale), arg.nullable),
        CastTarget::Float => (ExprType::new(DataType::Float), true),
        CastTarget::Double => (ExprType::double(), true),
        CastTarget::Date => (ExprType::new(DataType::Date), true),
        CastTarget::Time(fsp) => (ExprType::new(DataType::Time(fsp)), true),
        CastTarget::DateTime(fsp) => (ExprType::new(DataType::DateTime(fsp)), true),
    };
    result.nullable(nullable)
}

fn cast(call: &Invocation<'_>) -> Result<Value> {
    if call.value(0).is_null() {
        return Ok(Value::Null);
    }
    Ok(match call.call.target {
        None => call.value(0).clone(),
        Some(CastTarget::Char(length)) => to_char(call, length),
        Some(CastTarget::Binary(length)) => to_binary(call, length),
        Some(CastTarget::Signed) => to_integer(call, false),
        Some(CastTarget::Unsigned) => to_integer(call, true),
        Some(CastTarget::Decimal(precision, scale)) => to_decimal(call, precision, scale),
        Some(CastTarget::Float) => call.double(0).map_or(Value::Null, to_float),
        Some(CastTarget::Double) => call.double(0).map_or(Value::Null, Value::Double),
        Some(CastTarget::Date) => call.date(0).map_or(Value::Null, Value::Date),
        Some(CastTarget::Time(fsp)) => {
            call.time(0).map_or(Value::Null, |time| Value::Time(cut_time(time, fsp)))
        }
        Some(CastTarget::DateTime(fsp)) => {
            call.datetime(0).map_or(Value::Null, |moment| Value::DateTime(cut_datetime(moment, fsp)))
        }
    })
}

/// A floating point number rounded to what FLOAT holds.
#[expect(clippy::cast_possible_truncation, reason = "this is FLOAT's rounding")]
fn to_float(value: f64) -> Value {
    let clamped = value.clamp(f32::MIN.into(), f32::MAX.into());
    Value::Double(f64::from(clamped as f32))
}

fn to_char(call: &Invocation<'_>, length: Option<u32>) -> Value {
    let text = match call.value(0) {
        Value::Bytes(bytes) => decode(call, bytes),
        _ => call.text(0).unwrap_or_default(),
    };
    let cut = length.and_then(|length| text.char_indices().nth(usize::try_from(length).ok()?));
    match (cut, length) {
        (Some((end, _)), Some(length)) => {
            warn_cut(call, &format!("CHAR({length})"), &text);
            call.string(&text[..end])
        }
        _ => call.string(text),
    }
}

/// Bytes as text, with a `?` and a warning for what is none.
fn decode<'a>(call: &Invocation<'_>, bytes: &'a [u8]) -> Cow<'a, str> {
    if let Ok(text) = str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    call.context.warnings.push(Level::Warning, 1300, || {
        let invalid = bytes.utf8_chunks().map(|chunk| chunk.invalid()).find(|invalid| !invalid.is_empty());
        let digits: String =
            invalid.unwrap_or_default().iter().map(|byte| format!("\\x{byte:02X}")).collect();
        format!("Invalid utf8mb4 character string: '{digits}'")
    });
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| '?'));
    }
    Cow::Owned(text)
}

fn to_binary(call: &Invocation<'_>, length: Option<u32>) -> Value {
    let Some(bytes) = call.bytes(0) else { return Value::Null };
    let Some(length) = length else { return Value::Bytes(bytes.into()) };
    if call.is_too_long(length.into()) {
        return Value::Null;
    }
    let Ok(size) = usize::try_from(length) else { return Value::Null };
    if bytes.len() > size {
        warn_cut(call, &format!("BINARY({length})"), &String::from_utf8_lossy(&bytes));
    }
    let mut bytes = bytes.into_owned();
    bytes.resize(size, 0);
    Value::Bytes(bytes.into())
}

/// 1292: the text was longer than the type it was cast to.
fn warn_cut(call: &Invocation<'_>, kind: &str, text: &str) {
    call.context.warnings.truncated(Level::Warning, kind, text);
}

fn to_integer(call: &Invocation<'_>, unsigned: bool) -> Value {
    let Some(integer) = call.integer(0) else { return Value::Null };
    if let Some(value) = convert::integer_value(integer, unsigned) {
        return value;
    }
    // Whole numbers go round in two's complement: -1 is 2^64 - 1. Others end at the bounds.
    let wraps = matches!(call.value(0), Value::Int(_) | Value::UInt(_) | Value::Text(_) | Value::Bytes(_));
    if !wraps {
        call.context.warnings.push(Level::Note, 1916, || {
            let kind = if unsigned { "UNSIGNED" } else { "SIGNED" };
            format!("Got overflow when converting '{}' to {kind} BIGINT. Value truncated", call.value(0))
        });
        return if unsigned { Value::UInt(0) } else { Value::Int(i64::MAX) };
    }
    if !matches!(call.value(0), Value::UInt(_)) {
        call.context.warnings.push(Level::Note, 1105, || {
            if unsigned {
                "Cast to unsigned converted negative integer to its positive complement".to_owned()
            } else {
                "Cast to signed converted positive out-of-range integer to its negative complement".to_owned()
            }
        });
    }
    let bits = convert::to_bits(integer);
    if unsigned { Value::UInt(bits) } else { Value::Int(bits.cast_signed()) }
}

fn to_decimal(call: &Invocation<'_>, precision: u8, scale: u8) -> Value {
    let Some(number) = call.decimal(0) else { return Value::Null };
    let rounded = decimal::round(&number, i64::from(scale));
    if decimal::integer_digits(&rounded) <= i64::from(precision.saturating_sub(scale)) {
        return Value::decimal(rounded);
    }
    call.context
        .warnings
        .push(Level::Warning, 1264, || "Out of range value for column 'cast' at row 1".to_owned());
    let negative = rounded.sign() == bigdecimal::num_bigint::Sign::Minus;
    Value::decimal(decimal::max_of(precision, scale, negative))
}
