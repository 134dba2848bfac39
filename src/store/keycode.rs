//! Keys whose byte order is the SQL order of the values in them.
//!
//! A key is the concatenation of its values, each encoded as follows. Every encoding marks its own end, so that no
//! encoded value is a prefix of another one, and all keys that start with the same values are one range of bytes.
//!
//! * The first byte is the kind; the kinds sort NULL, numbers, times, bytes, text. One column holds one kind.
//! * NULL is its kind alone, and so sorts first, as in MariaDB.
//! * Integers, signed and unsigned on one line: the kind byte says sign and how many bytes of magnitude follow
//!   (more for larger positive, more for smaller negative), then the magnitude, big-endian, inverted if negative.
//! * Doubles: the IEEE bits, big-endian; the sign bit flipped if positive, all bits if negative. -0 is 0.
//! * Decimals: sign, exponent, digits without leading and trailing zeros, a terminator; all inverted if negative.
//! * Dates, times and datetimes: days or microseconds as a big-endian integer with the sign bit flipped.
//! * Bytes: as they are, with 00 written as 00 FF, ended by 00 00.
//! * Text, compared by `utf8mb4_bin`, which is code point order with trailing spaces ignored ("PAD SPACE": `'a'` equals
//!   `'a '`, and `'a\t'` is less than both): its UTF-8 bytes without the trailing spaces; a run of spaces is written as
//!   20, then whether the character after it sorts below or above a space, then how long the run is; the end of the
//!   text stands for an endless run and is 20 02.
//!
//! Text loses its trailing spaces this way; who needs them keeps the text itself too, as rows do.

use bigdecimal::{BigDecimal, num_bigint::Sign};
use chrono::{DateTime, Datelike, NaiveDate, TimeDelta};

use crate::{
    error::{Error, Result},
    sql::types::Value,
};

/// The longest run of spaces and the longest exponent that a key can hold are far above this bound on its bytes, which
/// is InnoDB's.
pub const MAX_KEY_BYTES: usize = 3072;

const NULL: u8 = 0x01;
/// An integer of no magnitude bytes; up to 8 below it are negative, up to 8 above it positive.
const ZERO: u8 = 0x10;
const DOUBLE: u8 = 0x20;
const DECIMAL: u8 = 0x21;
const DATE: u8 = 0x30;
const TIME: u8 = 0x31;
const DATETIME: u8 = 0x32;
const BYTES: u8 = 0x40;
const TEXT: u8 = 0x41;

const SPACE: u8 = b' ';
const BELOW_SPACE: u8 = 0x01;
const END: u8 = 0x02;
const ABOVE_SPACE: u8 = 0x03;

const DECIMAL_NEGATIVE: u8 = 0x01;
const DECIMAL_ZERO: u8 = 0x02;
const DECIMAL_POSITIVE: u8 = 0x03;

const SIGN: u64 = 1 << 63;

/// Appends one value to a key.
pub fn encode(value: &Value, key: &mut Vec<u8>) {
    match value {
        Value::Null => key.push(NULL),
        Value::Int(number) => encode_integer(*number < 0, number.unsigned_abs(), key),
        Value::UInt(number) => encode_integer(false, *number, key),
        Value::Double(number) => {
            let bits = (number + 0.0).to_bits();
            let ordered = if bits & SIGN == 0 { bits ^ SIGN } else { !bits };
            encode_fixed(DOUBLE, ordered, key);
        }
        Value::Decimal(number) => encode_decimal(number, key),
        Value::Date(day) => encode_fixed(DATE, flip_sign(day.num_days_from_ce().into()), key),
        Value::Time(span) => encode_fixed(TIME, flip_sign(micros(*span)), key),
        Value::DateTime(moment) => {
            encode_fixed(DATETIME, flip_sign(moment.and_utc().timestamp_micros()), key);
        }
        Value::Bytes(bytes) => encode_bytes(bytes, key),
        Value::Text(text) => encode_text(text, key),
    }
}

/// Takes one value off the front of a key. Integers come back as `Int` where they fit, else as `UInt`, and text without
/// its trailing spaces.
pub fn decode(key: &mut &[u8]) -> Result<Value> {
    let kind = take(key, 1)?[0];
    match kind {
        NULL => Ok(Value::Null),
        0x08..ZERO => {
            let magnitude = !take_integer(key, ZERO - kind, 0xFF)?;
            let number = 0_i64.checked_sub_unsigned(magnitude).ok_or_else(damaged)?;
            Ok(Value::Int(number))
        }
        ZERO..=0x18 => {
            let magnitude = take_integer(key, kind - ZERO, 0)?;
            Ok(i64::try_from(magnitude).map_or(Value::UInt(magnitude), Value::Int))
        }
        DOUBLE => {
            let ordered = take_u64(key)?;
            let bits = if ordered & SIGN == 0 { !ordered } else { ordered ^ SIGN };
            Ok(Value::Double(f64::from_bits(bits)))
        }
        DECIMAL => decode_decimal(key),
        DATE => {
            let days = i32::try_from(unflip_sign(take_u64(key)?)).map_err(|_| damaged())?;
            NaiveDate::from_num_days_from_ce_opt(days).map(Value::Date).ok_or_else(damaged)
        }
        TIME => Ok(Value::Time(TimeDelta::microseconds(unflip_sign(take_u64(key)?)))),
        DATETIME => DateTime::from_timestamp_micros(unflip_sign(take_u64(key)?))
            .map(|moment| Value::DateTime(moment.naive_utc()))
            .ok_or_else(damaged),
        BYTES => decode_bytes(key),
        TEXT => decode_text(key),
        _ => Err(damaged()),
    }
}

/// The first key after all that start with this one, or None if there is no such key.
pub fn after_prefix(mut prefix: Vec<u8>) -> Option<Vec<u8>> {
    while let Some(last) = prefix.pop() {
        if last < 0xFF {
            prefix.push(last + 1);
            return Some(prefix);
        }
    }
    None
}

fn encode_integer(negative: bool, magnitude: u64, key: &mut Vec<u8>) {
    let bytes = magnitude.to_be_bytes();
    let skipped = bytes.iter().take_while(|byte| **byte == 0).count();
    let (invert, significant) = (if negative { 0xFF } else { 0 }, &bytes[skipped..]);
    let length = u8::try_from(significant.len()).unwrap_or(8);
    key.push(if negative { ZERO - length } else { ZERO + length });
    key.extend(significant.iter().map(|byte| byte ^ invert));
}

fn take_integer(key: &mut &[u8], length: u8, fill: u8) -> Result<u64> {
    let mut bytes = [fill; 8];
    let significant = take(key, length.into())?;
    bytes[8 - significant.len()..].copy_from_slice(significant);
    Ok(u64::from_be_bytes(bytes))
}

fn encode_fixed(kind: u8, ordered: u64, key: &mut Vec<u8>) {
    key.push(kind);
    key.extend(ordered.to_be_bytes());
}

fn flip_sign(number: i64) -> u64 {
    number.cast_unsigned() ^ SIGN
}

fn unflip_sign(ordered: u64) -> i64 {
    (ordered ^ SIGN).cast_signed()
}

/// A span in microseconds; TIME is far within what they can count.
fn micros(span: TimeDelta) -> i64 {
    span.num_microseconds().unwrap_or(if span < TimeDelta::zero() { i64::MIN } else { i64::MAX })
}

/// `0.digits * 10^exponent` with a first digit that is not zero.
fn encode_decimal(number: &BigDecimal, key: &mut Vec<u8>) {
    key.push(DECIMAL);
    let (integer, scale) = number.as_bigint_and_exponent();
    let (sign, all_digits) = (integer.sign(), integer.magnitude().to_str_radix(10));
    let invert = match sign {
        Sign::NoSign => return key.push(DECIMAL_ZERO),
        Sign::Minus => 0xFF,
        Sign::Plus => 0,
    };
    key.push(if invert == 0 { DECIMAL_POSITIVE } else { DECIMAL_NEGATIVE });
    let exponent = i64::try_from(all_digits.len()).unwrap_or(i64::MAX).saturating_sub(scale);
    key.extend(flip_sign(exponent).to_be_bytes().map(|byte| byte ^ invert));
    key.extend(all_digits.trim_end_matches('0').bytes().map(|digit| digit ^ invert));
    key.push(invert);
}

fn decode_decimal(key: &mut &[u8]) -> Result<Value> {
    let (sign, invert) = match take(key, 1)?[0] {
        DECIMAL_ZERO => return Ok(Value::Decimal(Box::default())),
        DECIMAL_POSITIVE => (Sign::Plus, 0),
        DECIMAL_NEGATIVE => (Sign::Minus, 0xFF),
        _ => return Err(damaged()),
    };
    let exponent = unflip_sign(take_u64(key)? ^ if invert == 0 { 0 } else { u64::MAX });
    let end = key.iter().position(|byte| *byte == invert).ok_or_else(damaged)?;
    let digits: Vec<u8> = take(key, end)?.iter().map(|byte| (byte ^ invert).wrapping_sub(b'0')).collect();
    take(key, 1)?;
    let integer = bigdecimal::num_bigint::BigInt::from_radix_be(sign, &digits, 10).ok_or_else(damaged)?;
    let scale = i64::try_from(digits.len()).map_err(|_| damaged())?.checked_sub(exponent);
    Ok(Value::Decimal(Box::new(BigDecimal::new(integer, scale.ok_or_else(damaged)?))))
}

fn encode_bytes(bytes: &[u8], key: &mut Vec<u8>) {
    key.push(BYTES);
    for byte in bytes {
        key.push(*byte);
        if *byte == 0 {
            key.push(0xFF);
        }
    }
    key.extend([0, 0]);
}

fn decode_bytes(key: &mut &[u8]) -> Result<Value> {
    let mut bytes = Vec::new();
    loop {
        match take(key, 1)?[0] {
            0 => match take(key, 1)?[0] {
                0 => return Ok(Value::Bytes(bytes.into())),
                0xFF => bytes.push(0),
                _ => return Err(damaged()),
            },
            byte => bytes.push(byte),
        }
    }
}

fn encode_text(text: &str, key: &mut Vec<u8>) {
    key.push(TEXT);
    let mut rest = text.trim_end_matches(' ').as_bytes();
    while let Some(space) = rest.iter().position(|byte| *byte == SPACE) {
        key.extend(&rest[..space]);
        let run = rest[space..].iter().take_while(|byte| **byte == SPACE).count();
        rest = &rest[space + run..];
        let length = u32::try_from(run).unwrap_or(u32::MAX);
        // The text that leaves the run of spaces first is the lesser one if it goes below, the greater if above.
        if rest[0] < SPACE {
            key.extend([SPACE, BELOW_SPACE]);
            key.extend(length.to_be_bytes());
        } else {
            key.extend([SPACE, ABOVE_SPACE]);
            key.extend((!length).to_be_bytes());
        }
    }
    key.extend(rest);
    key.extend([SPACE, END]);
}

fn decode_text(key: &mut &[u8]) -> Result<Value> {
    let mut text = Vec::new();
    loop {
        match take(key, 1)?[0] {
            SPACE => {
                let invert = match take(key, 1)?[0] {
                    END => break,
                    BELOW_SPACE => 0,
                    ABOVE_SPACE => u32::MAX,
                    _ => return Err(damaged()),
                };
                let length: [u8; 4] = take(key, 4)?.try_into().map_err(|_| damaged())?;
                let length = u32::from_be_bytes(length) ^ invert;
                let length = usize::try_from(length).map_err(|_| damaged())?;
                if length > MAX_KEY_BYTES {
                    return Err(damaged());
                }
                text.resize(text.len() + length, SPACE);
            }
            byte => text.push(byte),
        }
    }
    String::from_utf8(text).map(Value::text).map_err(|_| damaged())
}

fn take<'a>(key: &mut &'a [u8], length: usize) -> Result<&'a [u8]> {
    let (taken, rest) = key.split_at_checked(length).ok_or_else(damaged)?;
    *key = rest;
    Ok(taken)
}

fn take_u64(key: &mut &[u8]) -> Result<u64> {
    let bytes: [u8; 8] = take(key, 8)?.try_into().map_err(|_| damaged())?;
    Ok(u64::from_be_bytes(bytes))
}

fn damaged() -> Error {
    Error::Storage("a key in the store is damaged".into())
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use proptest::prelude::*;

    use super::*;
    use crate::sql::types::sort_order;

    fn encoded(value: &Value) -> Vec<u8> {
        let mut key = Vec::new();
        encode(value, &mut key);
        key
    }

    fn key_of(values: &[Value]) -> Vec<u8> {
        let mut key = Vec::new();
        values.iter().for_each(|value| encode(value, &mut key));
        key
    }

    /// `utf8mb4_bin` by its definition: the shorter text goes on with spaces.
    fn pad_space_order(left: &str, right: &str) -> Ordering {
        let length = left.len().max(right.len());
        let padded =
            |text: &str| text.bytes().chain(std::iter::repeat(b' ')).take(length).collect::<Vec<_>>();
        padded(left).cmp(&padded(right))
    }

    /// Texts over few characters, around the space and including NUL, so that runs and ties are frequent.
    fn text() -> impl Strategy<Value = String> {
        prop_oneof!["[ \u{0}\t!aä😀]{0,8}", ".{0,12}"]
    }

    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(prop_oneof![Just(0), Just(0xFF), any::<u8>()], 0..8)
    }

    fn decimal() -> impl Strategy<Value = BigDecimal> {
        (any::<i64>(), -40_i64..40).prop_map(|(digits, scale)| {
            BigDecimal::new(if digits % 3 == 0 { digits % 1000 } else { digits }.into(), scale)
        })
    }

    fn integer() -> impl Strategy<Value = (i128, Value)> {
        prop_oneof![
            any::<i64>().prop_map(|number| (number.into(), Value::Int(number))),
            (-300_i64..300).prop_map(|number| (number.into(), Value::Int(number))),
            any::<u64>().prop_map(|number| (number.into(), Value::UInt(number))),
            (0_u64..300).prop_map(|number| (number.into(), Value::UInt(number))),
        ]
    }

    /// Two values of one type.
    fn values() -> impl Strategy<Value = (Value, Value)> {
        fn pair<T>(
            strategy: impl Fn() -> T,
            value: fn(T::Value) -> Value,
        ) -> impl Strategy<Value = (Value, Value)>
        where
            T: Strategy,
        {
            (strategy().prop_map(value), strategy().prop_map(value))
        }
        prop_oneof![
            pair(text, Value::text),
            pair(bytes, |bytes| Value::Bytes(bytes.into())),
            pair(decimal, |number| Value::Decimal(Box::new(number))),
            pair(|| prop::num::f64::NORMAL, Value::Double),
            pair(any::<i64>, Value::Int),
        ]
    }

    proptest! {
        #[test]
        fn integers_keep_their_order((a, left) in integer(), (b, right) in integer()) {
            prop_assert_eq!(encoded(&left).cmp(&encoded(&right)), a.cmp(&b));
            let back = match decode(&mut encoded(&left).as_slice()).unwrap() {
                Value::Int(number) => i128::from(number),
                Value::UInt(number) => i128::from(number),
                other => panic!("{other:?}"),
            };
            prop_assert_eq!(back, a);
        }

        #[test]
        fn text_keeps_its_order(a in text(), b in text()) {
            let (left, right) = (encoded(&Value::text(&a)), encoded(&Value::text(&b)));
            prop_assert_eq!(left.cmp(&right), pad_space_order(&a, &b));
            prop_assert_eq!(decode(&mut left.as_slice()).unwrap(), Value::text(a.trim_end_matches(' ')));
        }

        #[test]
        fn bytes_keep_their_order(a in bytes(), b in bytes()) {
            let (left, right) = (encoded(&Value::Bytes(a.clone().into())), encoded(&Value::Bytes(b.clone().into())));
            prop_assert_eq!(left.cmp(&right), a.cmp(&b));
            prop_assert_eq!(decode(&mut left.as_slice()).unwrap(), Value::Bytes(a.into()));
        }

        #[test]
        fn decimals_keep_their_order(a in decimal(), b in decimal()) {
            let (left, right) = (Value::Decimal(Box::new(a.clone())), Value::Decimal(Box::new(b.clone())));
            prop_assert_eq!(encoded(&left).cmp(&encoded(&right)), a.cmp(&b));
            prop_assert_eq!(decode(&mut encoded(&left).as_slice()).unwrap(), Value::Decimal(Box::new(a)));
        }

        #[test]
        fn doubles_keep_their_order(
            a in prop::num::f64::NORMAL | prop::num::f64::ZERO | prop::num::f64::INFINITE | prop::num::f64::SUBNORMAL,
            b in prop::num::f64::NORMAL | prop::num::f64::ZERO | prop::num::f64::INFINITE | prop::num::f64::SUBNORMAL,
        ) {
            let left = encoded(&Value::Double(a));
            prop_assert_eq!(Some(left.cmp(&encoded(&Value::Double(b)))), a.partial_cmp(&b));
            prop_assert_eq!(decode(&mut left.as_slice()).unwrap(), Value::Double(a));
        }

        #[test]
        fn moments_keep_their_order(a in any::<i32>(), b in any::<i32>(), unit in 0..3) {
            let value = |number: i32| match unit {
                0 => Value::Date(NaiveDate::from_num_days_from_ce_opt(number / 10_000).unwrap()),
                1 => Value::Time(TimeDelta::microseconds(i64::from(number) * 1000)),
                _ => Value::DateTime(DateTime::from_timestamp_micros(i64::from(number) * 1_000_000).unwrap().naive_utc()),
            };
            let (a, b) = if unit == 0 { (a / 10_000, b / 10_000) } else { (a, b) };
            let scaled = |number| value(if unit == 0 { number * 10_000 } else { number });
            prop_assert_eq!(encoded(&scaled(a)).cmp(&encoded(&scaled(b))), a.cmp(&b));
            prop_assert_eq!(decode(&mut encoded(&scaled(a)).as_slice()).unwrap(), scaled(a));
        }

        /// What the engine sorts by itself comes out as what an index gives.
        #[test]
        fn keys_sort_as_the_engine_does((a, b) in values()) {
            prop_assert_eq!(encoded(&a).cmp(&encoded(&b)), sort_order(&a, &b));
        }

        #[test]
        fn the_first_column_decides_before_the_second(a in text(), b in text(), x in any::<i8>(), y in any::<i8>()) {
            let left = key_of(&[Value::text(&a), Value::Int(x.into())]);
            let right = key_of(&[Value::text(&b), Value::Int(y.into())]);
            prop_assert_eq!(left.cmp(&right), pad_space_order(&a, &b).then(x.cmp(&y)));
        }

        #[test]
        fn a_prefix_is_one_range(a in text(), b in text(), x in any::<i64>()) {
            let prefix = key_of(&[Value::text(&a)]);
            let key = key_of(&[Value::text(&b), Value::Int(x)]);
            let after = after_prefix(prefix.clone()).unwrap();
            prop_assert_eq!(key >= prefix && key < after, pad_space_order(&a, &b).is_eq());
        }

        #[test]
        fn any_bytes_are_a_value_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let mut key = bytes.as_slice();
            while decode(&mut key).is_ok_and(|_| !key.is_empty()) {}
        }
    }

    #[test]
    fn null_sorts_first() {
        for value in
            [Value::Int(i64::MIN), Value::Double(f64::NEG_INFINITY), Value::text(""), Value::Bytes([].into())]
        {
            assert!(encoded(&Value::Null) < encoded(&value), "{value:?}");
        }
    }

    #[test]
    fn the_bytes_stay_as_they_are() {
        assert_eq!(encoded(&Value::Int(0)), [0x10]);
        assert_eq!(encoded(&Value::UInt(258)), [0x12, 1, 2]);
        assert_eq!(encoded(&Value::Int(-1)), [0x0F, 0xFE]);
        assert_eq!(encoded(&Value::text("a b ")), *b"\x41a \x03\xFF\xFF\xFF\xFEb \x02");
        assert_eq!(encoded(&Value::Bytes([0, 1].into())), [0x40, 0, 0xFF, 1, 0, 0]);
    }
}
