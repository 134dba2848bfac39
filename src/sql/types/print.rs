//! Values as the text protocol, string functions and messages show them.

use std::{
    borrow::Cow,
    fmt::{self, Write},
};

use bigdecimal::BigDecimal;

use super::{DataType, ExprType, NOT_FIXED_DECIMALS, Value, decimal, temporal};

/// A value as text, or as bytes without a character set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Printed<'a> {
    /// Text.
    Text(Cow<'a, str>),
    /// Bytes.
    Bytes(&'a [u8]),
}

impl Printed<'_> {
    /// The bytes that go over the wire.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Printed::Text(text) => text.as_bytes(),
            Printed::Bytes(bytes) => bytes,
        }
    }
}

/// A value of this type as the text protocol sends it; None for NULL.
pub fn print<'a>(value: &'a Value, expr_type: &ExprType) -> Option<Printed<'a>> {
    Some(match value {
        Value::Null => return None,
        Value::Text(text) => Printed::Text(Cow::Borrowed(text)),
        Value::Bytes(bytes) => Printed::Bytes(bytes),
        value => {
            let mut text = String::new();
            // Writing to a String does not fail.
            let _ = write_value(&mut text, value, expr_type);
            Printed::Text(Cow::Owned(text))
        }
    })
}

/// Writes a value of this type as the text protocol sends it; nothing for NULL, and bytes as the text they may be.
pub fn write_value(out: &mut impl Write, value: &Value, expr_type: &ExprType) -> fmt::Result {
    match value {
        Value::Null => Ok(()),
        Value::Int(value) => write!(out, "{value}"),
        Value::UInt(value) => write!(out, "{value}"),
        Value::Decimal(value) => match expr_type.data_type {
            DataType::Decimal { scale, .. } => write_decimal(out, value, scale),
            _ => out.write_str(&value.to_plain_string()),
        },
        Value::Double(value) => match expr_type.data_type {
            DataType::Float => write_float(out, *value),
            DataType::Double if expr_type.decimals < NOT_FIXED_DECIMALS => {
                write_fixed(out, *value, expr_type.decimals)
            }
            _ => write_double(out, *value),
        },
        Value::Text(text) => out.write_str(text),
        Value::Bytes(bytes) => out.write_str(&String::from_utf8_lossy(bytes)),
        Value::Date(day) => temporal::write_date(out, *day),
        Value::Time(time) => temporal::write_time(out, *time, fraction(expr_type)),
        Value::DateTime(moment) => temporal::write_datetime(out, *moment, fraction(expr_type)),
    }
}

/// Digits of a second to show.
fn fraction(expr_type: &ExprType) -> u8 {
    match expr_type.data_type {
        DataType::Time(fsp) | DataType::DateTime(fsp) | DataType::Timestamp(fsp) => fsp,
        _ => 0,
    }
}

/// Writes an exact number rounded to `scale` digits after the point.
fn write_decimal(out: &mut impl Write, value: &BigDecimal, scale: u8) -> fmt::Result {
    let scale = i64::from(scale);
    if decimal::scale(value) == scale {
        return out.write_str(&value.to_plain_string());
    }
    out.write_str(&decimal::round(value, scale).to_plain_string())
}

/// Writes a DOUBLE in its shortest form: `0.1`, `1e20`.
pub fn write_double(out: &mut impl Write, value: f64) -> fmt::Result {
    let shortest = format!("{:e}", value + 0.0);
    // Of two forms that are equally short and equally near, the one with the even last digit, as in C.
    let digits = shortest.bytes().take_while(|byte| *byte != b'e').filter(u8::is_ascii_digit).count();
    let even = format!("{:.*e}", digits - 1, value + 0.0);
    let same = even != shortest && even.parse() == Ok(value);
    write_scientific(out, value, if same { &even } else { &shortest })
}

/// Writes a DOUBLE with so many digits after the point: its shortest form, filled with zeros or rounded.
pub(crate) fn write_fixed(out: &mut impl Write, value: f64, decimals: u8) -> fmt::Result {
    let decimals = usize::from(decimals);
    // No zero has a sign.
    let shortest = format!("{}", value + 0.0);
    let digits = shortest.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    if digits > decimals {
        return write!(out, "{value:.decimals$}");
    }
    out.write_str(&shortest)?;
    if decimals > 0 && digits == 0 {
        out.write_char('.')?;
    }
    write!(out, "{:0<width$}", "", width = decimals - digits)
}

/// Writes a FLOAT with the six digits that are certain.
fn write_float(out: &mut impl Write, value: f64) -> fmt::Result {
    /// Digits after the first.
    const DIGITS: usize = 5;
    write_scientific(out, value, &format!("{value:.DIGITS$e}"))
}

/// Writes a number, given as `d.ddde±x`, without an exponent if it needs at most 15 places on either side of the point
/// or has digits on both.
fn write_scientific(out: &mut impl Write, value: f64, scientific: &str) -> fmt::Result {
    /// Most digits before the point, and most places after it down to the first digit.
    const MAX_PLACES: usize = 15;
    if !value.is_finite() {
        return out.write_str("NULL");
    }
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |mantissa| ("-", mantissa));
    let mut digits = [0; 32];
    let mut length = 0;
    for digit in mantissa.bytes().filter(u8::is_ascii_digit).take(digits.len()) {
        digits[length] = digit;
        length += 1;
    }
    while length > 1 && digits[length - 1] == b'0' {
        length -= 1;
    }
    let digits = str::from_utf8(&digits[..length]).map_err(|_| fmt::Error)?;
    let exponent = exponent.parse::<i32>().map_err(|_| fmt::Error)?;
    out.write_str(sign)?;
    let places = usize::try_from(exponent.unsigned_abs()).map_err(|_| fmt::Error)?;
    if digits == "0" {
        out.write_char('0')
    } else if exponent >= 0 && (places < MAX_PLACES || digits.len() > places + 1) {
        if digits.len() <= places + 1 {
            write!(out, "{digits:0<width$}", width = places + 1)
        } else {
            write!(out, "{}.{}", &digits[..=places], &digits[places + 1..])
        }
    } else if exponent < 0 && places <= MAX_PLACES {
        write!(out, "0.{:0<zeros$}{digits}", "", zeros = places - 1)
    } else if digits.len() == 1 {
        write!(out, "{digits}e{exponent}")
    } else {
        write!(out, "{}.{}e{exponent}", &digits[..1], &digits[1..])
    }
}

/// For messages: a value without its type, with all its digits.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("NULL"),
            Value::Double(value) => write_double(f, *value),
            Value::Time(time) => {
                let fsp = if temporal::micros(*time) % 1_000_000 == 0 { 0 } else { 6 };
                temporal::write_time(f, *time, fsp)
            }
            Value::DateTime(moment) => {
                let fsp = if moment.and_utc().timestamp_subsec_micros() == 0 { 0 } else { 6 };
                temporal::write_datetime(f, *moment, fsp)
            }
            value => write_value(f, value, &ExprType::new(DataType::Null)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn double(value: f64) -> String {
        let mut text = String::new();
        write_double(&mut text, value).unwrap();
        text
    }

    #[test]
    fn doubles_print_in_their_shortest_form() {
        for (value, text) in [
            (0.0, "0"),
            (-1.5, "-1.5"),
            (1e14, "100000000000000"),
            (1e15, "1e15"),
            (1_500_000_000_000_000.5, "1500000000000000.5"),
            (-0.0, "0"),
            (1e20 / 101_112.0, "989002294485323.2"),
            (123_456_789.0, "123456789"),
            (0.1 + 0.2, "0.30000000000000004"),
            (1e-15, "0.000000000000001"),
            (1e-16, "1e-16"),
            (1.234_567_890_123_456_8e17, "1.2345678901234568e17"),
            (f64::MAX, "1.7976931348623157e308"),
        ] {
            assert_eq!(double(value), text);
        }
    }

    #[test]
    fn floats_print_six_digits() {
        for (value, text) in
            [(1.1_f32, "1.1"), (1e10, "10000000000"), (123_456_789.0, "123457000"), (1e15, "1e15")]
        {
            let mut out = String::new();
            write_float(&mut out, f64::from(value)).unwrap();
            assert_eq!(out, text);
        }
    }
}
