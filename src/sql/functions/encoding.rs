//! Texts as numbers in other bases, as codes, and as digests.

use base64::{Engine, engine::general_purpose::STANDARD};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

use super::{ANY, Argument, Function, Invocation, call::any_nullable};
use crate::{
    error::Result,
    sql::types::{Class, DataType, ExprType, IntWidth, Level, Value, convert::to_bits},
};

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("ascii", (1, 1), |args| int(args, 3), ascii).in_grammar(),
    // MariaDB says 7 digits, and cuts off what is longer in its binary protocol.
    Function::new("ord", (1, 1), |args| int(args, 11), ord),
    Function::new("char", (1, ANY), infer_char, char).in_grammar().numeric(),
    Function::new(
        "hex",
        (1, 1),
        |args| text(args, args[0].expr_type.length.saturating_mul(2)).nullable(true),
        hex,
    ),
    Function::new("unhex", (1, 1), infer_unhex, unhex),
    Function::new("bin", (1, 1), |args| text(args, 64).nullable(true), |call| in_base(call, 2)),
    Function::new("oct", (1, 1), |args| text(args, 64).nullable(true), |call| in_base(call, 8)),
    Function::new("conv", (3, 3), |_| ExprType::text(65).nullable(true), conv),
    Function::new("md5", (1, 1), |args| text(args, 32).nullable(true), digest::<Md5>),
    Function::new("sha", (1, 1), |args| text(args, 40).nullable(true), digest::<Sha1>),
    Function::new("sha1", (1, 1), |args| text(args, 40).nullable(true), digest::<Sha1>),
    Function::new("sha2", (2, 2), |_| ExprType::text(128).nullable(true), sha2),
    Function::new("crc32", (1, 2), infer_crc32, crc32),
    Function::new("to_base64", (1, 1), infer_to_base64, to_base64),
    Function::new("from_base64", (1, 1), infer_from_base64, from_base64),
    Function::new("bit_count", (1, 1), |args| int(args, 2), bit_count).numeric(),
];

fn int(args: &[Argument], length: u32) -> ExprType {
    ExprType::integer(length, false).nullable(any_nullable(args))
}

fn text(args: &[Argument], length: u32) -> ExprType {
    ExprType::text(length).nullable(any_nullable(args))
}

fn infer_char(args: &[Argument]) -> ExprType {
    ExprType::bytes(u32::try_from(args.len()).unwrap_or(u32::MAX).saturating_mul(4)).nullable(true)
}

fn infer_unhex(args: &[Argument]) -> ExprType {
    ExprType::bytes(args[0].expr_type.length.div_ceil(2)).nullable(true)
}

fn infer_crc32(args: &[Argument]) -> ExprType {
    ExprType { length: 10, ..ExprType::new(DataType::Integer { width: IntWidth::Int, unsigned: true }) }
        .nullable(any_nullable(args))
}

fn infer_to_base64(args: &[Argument]) -> ExprType {
    let bytes =
        args[0].expr_type.length.saturating_mul(if args[0].expr_type.data_type.is_text() { 4 } else { 1 });
    let encoded = bytes.div_ceil(3).saturating_mul(4);
    ExprType::text(encoded.saturating_add(encoded.saturating_sub(1) / BASE64_LINE)).nullable(true)
}

fn infer_from_base64(args: &[Argument]) -> ExprType {
    ExprType::bytes(args[0].expr_type.length / 4 * 3).nullable(true)
}

fn number(number: Option<u64>) -> Result<Value> {
    Ok(number.map_or(Value::Null, |number| Value::Int(i64::try_from(number).unwrap_or(i64::MAX))))
}

fn ascii(call: &Invocation<'_>) -> Result<Value> {
    number(call.bytes(0).map(|bytes| bytes.first().copied().unwrap_or(0).into()))
}

/// The bytes of the first character as a number.
fn ord(call: &Invocation<'_>) -> Result<Value> {
    let Some(text) = call.text(0) else { return Ok(Value::Null) };
    let Some(first) = text.chars().next() else { return number(Some(0)) };
    if call.call.binary {
        return number(Some(u32::from(first).into()));
    }
    let mut buffer = [0; 4];
    let bytes = first.encode_utf8(&mut buffer).as_bytes();
    number(Some(bytes.iter().fold(0, |code, byte| code << 8 | u64::from(*byte))))
}

/// The bytes of each argument as a number, without leading zero bytes.
fn char(call: &Invocation<'_>) -> Result<Value> {
    let mut bytes = Vec::new();
    for index in 0..call.count() {
        let Some(code) = call.integer(index) else { continue };
        let [.., a, b, c, d] = to_bits(code).to_be_bytes();
        let code = [a, b, c, d];
        let zeros = code.iter().take(3).take_while(|byte| **byte == 0).count();
        bytes.extend_from_slice(&code[zeros..]);
    }
    Ok(Value::Bytes(bytes.into()))
}

/// A number's bits, or a text's bytes, in hexadecimal.
fn hex(call: &Invocation<'_>) -> Result<Value> {
    let class = call.call.args()[0].data_type.class();
    if matches!(class, Class::Integer | Class::Decimal | Class::Double) {
        return Ok(call
            .context
            .converter()
            .bits(call.value(0))
            .map_or(Value::Null, |bits| call.string(format!("{bits:X}"))));
    }
    let Some(bytes) = call.bytes(0) else { return Ok(Value::Null) };
    if call.is_too_long(bytes.len() as u64 * 2) {
        return Ok(Value::Null);
    }
    Ok(call.string(hex_digits(&bytes).to_uppercase()))
}

fn hex_digits(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 15)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

fn unhex(call: &Invocation<'_>) -> Result<Value> {
    let Some(digits) = call.text(0) else { return Ok(Value::Null) };
    Ok(crate::sql::types::hex_literal(&digits).unwrap_or(Value::Null))
}

fn in_base(call: &Invocation<'_>, base: u32) -> Result<Value> {
    let bits = match call.value(0) {
        Value::Null => return Ok(Value::Null),
        Value::Int(value) => value.cast_unsigned(),
        Value::UInt(value) => *value,
        _ => {
            let text = call.text(0).unwrap_or_default();
            if text.is_empty() {
                return Ok(Value::Null);
            }
            let (negative, magnitude) = parse_in_base(&text, 10);
            if negative { magnitude.wrapping_neg() } else { magnitude }
        }
    };
    Ok(call.string(digits_in_base(bits, base)))
}

fn digits_in_base(mut number: u64, base: u32) -> String {
    let mut digits = Vec::new();
    loop {
        let digit = u32::try_from(number % u64::from(base)).unwrap_or(0);
        digits.push(char::from_digit(digit, base).unwrap_or('0').to_ascii_uppercase());
        number /= u64::from(base);
        if number == 0 {
            break;
        }
    }
    digits.iter().rev().collect()
}

/// The number that the digits at the start of a text are, at most the greatest; and whether it has a minus sign.
fn parse_in_base(text: &str, base: u32) -> (bool, u64) {
    let text = text.trim_start_matches(crate::sql::types::number::is_space);
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let mut number = 0_u64;
    for digit in digits.chars().map_while(|c| c.to_digit(base)) {
        let next = number.checked_mul(base.into()).and_then(|number| number.checked_add(digit.into()));
        match next {
            Some(next) => number = next,
            None => return (negative, u64::MAX),
        }
    }
    (negative, number)
}

/// The magnitude of the least signed number.
const SIGNED_MIN: u64 = 1 << 63;

/// A number in one base written in another; negative bases mean signed numbers.
fn conv(call: &Invocation<'_>) -> Result<Value> {
    let (Some(text), Some(from), Some(to)) = (call.text(0), call.integer(1), call.integer(2)) else {
        return Ok(Value::Null);
    };
    if text.is_empty() {
        return Ok(Value::Null);
    }
    let base = |base: i128| u32::try_from(base.unsigned_abs()).ok().filter(|base| (2..=36).contains(base));
    let (Some(from_base), Some(to_base)) = (base(from), base(to)) else { return Ok(Value::Null) };
    let (negative, magnitude) = parse_in_base(&text, from_base);
    let bits = if !negative {
        // A signed base reads signed numbers.
        if from < 0 { magnitude.min(SIGNED_MIN - 1) } else { magnitude }
    } else if from < 0 && magnitude > SIGNED_MIN {
        SIGNED_MIN
    } else {
        magnitude.wrapping_neg()
    };
    let signed = bits.cast_signed();
    let written = if to < 0 && signed < 0 {
        format!("-{}", digits_in_base(signed.unsigned_abs(), to_base))
    } else {
        digits_in_base(bits, to_base)
    };
    Ok(call.string(written))
}

fn digest<D: Digest>(call: &Invocation<'_>) -> Result<Value> {
    Ok(call.bytes(0).map_or(Value::Null, |bytes| call.string(hex_digits(&D::digest(&bytes)))))
}

fn sha2(call: &Invocation<'_>) -> Result<Value> {
    let Some(bytes) = call.bytes(0) else { return Ok(Value::Null) };
    let length = call.integer(1).unwrap_or(0);
    let digits = match length {
        0 | 256 => hex_digits(&Sha256::digest(&bytes)),
        224 => hex_digits(&Sha224::digest(&bytes)),
        384 => hex_digits(&Sha384::digest(&bytes)),
        512 => hex_digits(&Sha512::digest(&bytes)),
        _ => {
            call.context.warnings.push(Level::Warning, 1583, || {
                "Incorrect parameters in the call to native function 'sha2'".to_owned()
            });
            return Ok(Value::Null);
        }
    };
    Ok(call.string(digits))
}

/// The checksum of the last argument, going on from that of the first if there are two.
fn crc32(call: &Invocation<'_>) -> Result<Value> {
    let start = if call.count() == 2 { call.context.converter().bits(call.value(0)) } else { Some(0) };
    let (Some(start), Some(bytes)) = (start, call.bytes(call.count() - 1)) else { return Ok(Value::Null) };
    let mut hasher = crc32fast::Hasher::new_with_initial(u32::try_from(start & 0xffff_ffff).unwrap_or(0));
    hasher.update(&bytes);
    Ok(Value::UInt(hasher.finalize().into()))
}

/// Characters of a line of TO_BASE64.
const BASE64_LINE: u32 = 76;

fn to_base64(call: &Invocation<'_>) -> Result<Value> {
    let Some(bytes) = call.bytes(0) else { return Ok(Value::Null) };
    if call.is_too_long(bytes.len() as u64 / 3 * 4) {
        return Ok(Value::Null);
    }
    let encoded = STANDARD.encode(&bytes);
    let mut lines = String::with_capacity(encoded.len());
    for (index, c) in encoded.chars().enumerate() {
        if index > 0 && index.is_multiple_of(76) {
            lines.push('\n');
        }
        lines.push(c);
    }
    Ok(call.string(lines))
}

fn from_base64(call: &Invocation<'_>) -> Result<Value> {
    let Some(text) = call.text(0) else { return Ok(Value::Null) };
    let packed: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    match STANDARD.decode(packed) {
        Ok(bytes) => Ok(Value::Bytes(bytes.into())),
        Err(error) => {
            let position = match error {
                base64::DecodeError::InvalidByte(at, _) | base64::DecodeError::InvalidLastSymbol(at, _) => at,
                _ => text.len(),
            };
            call.context
                .warnings
                .push(Level::Warning, 1958, || format!("Bad base64 data as position {position}"));
            Ok(Value::Null)
        }
    }
}

fn bit_count(call: &Invocation<'_>) -> Result<Value> {
    number(call.context.converter().bits(call.value(0)).map(|bits| bits.count_ones().into()))
}
