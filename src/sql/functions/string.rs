//! Functions that cut, join and search texts. Bytes are worked on as texts of one character per byte.

use std::borrow::Cow;

use super::{
    ANY, Argument, Function, Invocation,
    call::{any_binary, any_nullable},
};
use crate::{
    error::Result,
    sql::types::{DataType, ExprType, Value},
};

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("concat", (1, ANY), infer_concat, concat),
    Function::new("concat_ws", (2, ANY), infer_concat_ws, concat_ws),
    Function::new("substring", (2, 3), infer_part, substring).in_grammar(),
    Function::new("substr", (2, 3), infer_part, substring).in_grammar(),
    Function::new("mid", (2, 3), infer_part, substring).in_grammar(),
    Function::new("left", (2, 2), infer_part, left).in_grammar(),
    Function::new("right", (2, 2), infer_part, right).in_grammar(),
    Function::new("substring_index", (3, 3), infer_substring_index, substring_index).in_grammar(),
    Function::new("lpad", (2, 3), infer_pad, |call| pad(call, true)),
    Function::new("rpad", (2, 3), infer_pad, |call| pad(call, false)),
    Function::new("trim", (1, 2), infer_part, |call| trim(call, true, true)).in_grammar(),
    Function::new("ltrim", (1, 2), infer_part, |call| trim(call, true, false)),
    Function::new("rtrim", (1, 2), infer_part, |call| trim(call, false, true)),
    Function::new("upper", (1, 1), infer_part, |call| map_chars(call, upper)),
    Function::new("ucase", (1, 1), infer_part, |call| map_chars(call, upper)),
    Function::new("lower", (1, 1), infer_part, |call| map_chars(call, lower)),
    Function::new("lcase", (1, 1), infer_part, |call| map_chars(call, lower)),
    Function::new("replace", (3, 3), infer_replace, replace).in_grammar(),
    Function::new("reverse", (1, 1), infer_part, reverse).in_grammar(),
    Function::new("repeat", (2, 2), infer_repeat, repeat).in_grammar(),
    Function::new("space", (1, 1), infer_space, space).numeric(),
    Function::new("insert", (4, 4), infer_insert, insert).in_grammar(),
    Function::new("instr", (2, 2), infer_position, |call| locate(call, 0, 1)),
    Function::new("locate", (2, 3), infer_position, |call| locate(call, 1, 0)),
    Function::new("position", (2, 2), infer_position, |call| locate(call, 1, 0)).in_grammar(),
    Function::new("find_in_set", (2, 2), |args| ExprType::int(3).nullable(any_nullable(args)), find_in_set),
    Function::new("length", (1, 1), infer_position, |call| count(call.bytes(0).map(|bytes| bytes.len()))),
    Function::new("octet_length", (1, 1), infer_position, |call| {
        count(call.bytes(0).map(|bytes| bytes.len()))
    }),
    Function::new("bit_length", (1, 1), infer_bit_length, |call| {
        count(call.bytes(0).map(|bytes| bytes.len() * 8))
    }),
    Function::new("char_length", (1, 1), infer_position, |call| {
        count(call.text(0).map(|text| text.chars().count()))
    }),
    Function::new("character_length", (1, 1), infer_position, |call| {
        count(call.text(0).map(|text| text.chars().count()))
    }),
    Function::new("make_set", (2, ANY), infer_concat_ws, make_set),
    Function::new("export_set", (3, 5), infer_export_set, export_set),
    Function::new("quote", (1, 1), infer_quote, quote),
    Function::new("soundex", (1, 1), infer_soundex, soundex),
];

/// The type of a text made of `parts`, of at most so many characters: bytes if a part is, or if all are NULL.
fn string(parts: &[Argument], length: u32) -> ExprType {
    let all_null = parts.iter().all(|part| part.expr_type.data_type == DataType::Null);
    ExprType::string(length, all_null || any_binary(parts))
}

fn total_length(args: &[Argument]) -> u32 {
    args.iter().fold(0, |sum, arg| sum.saturating_add(arg.expr_type.length))
}

fn infer_concat(args: &[Argument]) -> ExprType {
    string(args, total_length(args)).nullable(true)
}

fn infer_concat_ws(args: &[Argument]) -> ExprType {
    let separators =
        u32::try_from(args.len() - 2).unwrap_or(u32::MAX).saturating_mul(args[0].expr_type.length);
    string(args, total_length(&args[1..]).saturating_add(separators)).nullable(true)
}

/// The type of a part of the first argument.
fn infer_part(args: &[Argument]) -> ExprType {
    string(&args[..1], args[0].expr_type.length).nullable(true)
}

fn infer_substring_index(args: &[Argument]) -> ExprType {
    string(&args[..2], args[0].expr_type.length).nullable(true)
}

/// An argument that is a constant count of characters.
fn constant_length(args: &[Argument], index: usize) -> Option<u32> {
    match args.get(index)?.constant {
        Some(Value::Int(count)) => Some(u32::try_from(count.max(0)).unwrap_or(u32::MAX)),
        _ => None,
    }
}

/// Most characters of a text of unknown length.
const UNKNOWN_LENGTH: u32 = u32::MAX / 4;

fn infer_pad(args: &[Argument]) -> ExprType {
    let parts: Vec<_> = args.iter().step_by(2).cloned().collect();
    string(&parts, constant_length(args, 1).unwrap_or(UNKNOWN_LENGTH)).nullable(true)
}

fn infer_repeat(args: &[Argument]) -> ExprType {
    let length = constant_length(args, 1).map(|count| args[0].expr_type.length.saturating_mul(count));
    string(&args[..1], length.unwrap_or(UNKNOWN_LENGTH)).nullable(true)
}

fn infer_space(args: &[Argument]) -> ExprType {
    ExprType::text(constant_length(args, 0).unwrap_or(UNKNOWN_LENGTH)).nullable(true)
}

fn infer_replace(args: &[Argument]) -> ExprType {
    let (text, to) = (args[0].expr_type.length, args[2].expr_type.length);
    string(args, text.saturating_mul(to.max(1))).nullable(true)
}

fn infer_insert(args: &[Argument]) -> ExprType {
    let length = args[0].expr_type.length.saturating_add(args[3].expr_type.length);
    string(&[args[0].clone(), args[3].clone()], length).nullable(true)
}

fn infer_position(args: &[Argument]) -> ExprType {
    ExprType::int(10).nullable(any_nullable(args))
}

fn infer_bit_length(args: &[Argument]) -> ExprType {
    ExprType::integer(11, false).nullable(any_nullable(args))
}

fn infer_export_set(args: &[Argument]) -> ExprType {
    let each = args[1].expr_type.length.max(args[2].expr_type.length);
    let separator = args.get(3).map_or(1, |arg| arg.expr_type.length);
    string(args, each.saturating_mul(64).saturating_add(separator.saturating_mul(63))).nullable(true)
}

fn infer_quote(args: &[Argument]) -> ExprType {
    string(args, args[0].expr_type.length.saturating_mul(2).saturating_add(2)).nullable(true)
}

fn infer_soundex(args: &[Argument]) -> ExprType {
    string(args, args[0].expr_type.length.max(4)).nullable(true)
}

fn concat(call: &Invocation<'_>) -> Result<Value> {
    let mut all = String::new();
    for index in 0..call.count() {
        let Some(text) = call.text(index) else { return Ok(Value::Null) };
        if call.is_too_long((all.len() + text.len()) as u64) {
            return Ok(Value::Null);
        }
        all.push_str(&text);
    }
    Ok(call.string(all))
}

/// Appends to a list; false if it would be too long.
fn append(call: &Invocation<'_>, list: &mut String, separator: &str, text: &str, first: bool) -> bool {
    if call.is_too_long((list.len() + separator.len() + text.len()) as u64) {
        return false;
    }
    if !first {
        list.push_str(separator);
    }
    list.push_str(text);
    true
}

fn concat_ws(call: &Invocation<'_>) -> Result<Value> {
    let Some(separator) = call.text(0) else { return Ok(Value::Null) };
    let mut list = String::new();
    let mut first = true;
    for text in (1..call.count()).filter_map(|index| call.text(index)) {
        if !append(call, &mut list, &separator, &text, first) {
            return Ok(Value::Null);
        }
        first = false;
    }
    Ok(call.string(list))
}

/// An argument as a count of characters, negative ones included.
fn length_arg(call: &Invocation<'_>, index: usize) -> Option<i64> {
    let value = call.integer(index)?;
    Some(i64::try_from(value).unwrap_or(i64::MAX))
}

/// The `length` characters of a text from the character `start` on.
fn slice(text: &str, start: i64, length: i64) -> &str {
    let at = |count: i64, text: &str| {
        let count = usize::try_from(count.max(0)).unwrap_or(usize::MAX);
        text.char_indices().nth(count).map_or(text.len(), |(at, _)| at)
    };
    let rest = &text[at(start, text)..];
    &rest[..at(length, rest)]
}

fn substring(call: &Invocation<'_>) -> Result<Value> {
    let (Some(text), Some(position)) = (call.text(0), length_arg(call, 1)) else { return Ok(Value::Null) };
    let length = match call.count() {
        3 => length_arg(call, 2),
        _ => Some(i64::MAX),
    };
    let Some(length) = length else { return Ok(Value::Null) };
    let start = match position {
        0 => return Ok(call.string("")),
        1.. => position - 1,
        _ => {
            let count = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
            count.saturating_add(position)
        }
    };
    if start < 0 {
        return Ok(call.string(""));
    }
    Ok(call.string(slice(&text, start, length)))
}

fn left(call: &Invocation<'_>) -> Result<Value> {
    let (Some(text), Some(length)) = (call.text(0), length_arg(call, 1)) else { return Ok(Value::Null) };
    Ok(call.string(slice(&text, 0, length)))
}

fn right(call: &Invocation<'_>) -> Result<Value> {
    let (Some(text), Some(length)) = (call.text(0), length_arg(call, 1)) else { return Ok(Value::Null) };
    let count = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
    Ok(call.string(slice(&text, count.saturating_sub(length.max(0)), length)))
}

fn substring_index(call: &Invocation<'_>) -> Result<Value> {
    let (Some(text), Some(delimiter), Some(count)) = (call.text(0), call.text(1), length_arg(call, 2)) else {
        return Ok(Value::Null);
    };
    if delimiter.is_empty() || count == 0 {
        return Ok(call.string(""));
    }
    let nth = usize::try_from(count.unsigned_abs() - 1).unwrap_or(usize::MAX);
    let part = if count > 0 {
        text.match_indices(&*delimiter).nth(nth).map_or(&*text, |(at, _)| &text[..at])
    } else {
        text.rmatch_indices(&*delimiter).nth(nth).map_or(&*text, |(at, _)| &text[at + delimiter.len()..])
    };
    Ok(call.string(part))
}

fn pad(call: &Invocation<'_>, at_start: bool) -> Result<Value> {
    let padding = if call.count() == 3 { call.text(2) } else { Some(Cow::Borrowed(" ")) };
    let (Some(text), Some(length), Some(padding)) = (call.text(0), length_arg(call, 1), padding) else {
        return Ok(Value::Null);
    };
    if length < 0 {
        return Ok(Value::Null);
    }
    let count = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
    if length <= count {
        return Ok(call.string(slice(&text, 0, length)));
    }
    if call.is_too_long(length.unsigned_abs()) {
        return Ok(Value::Null);
    }
    if padding.is_empty() {
        return Ok(Value::Null);
    }
    let missing = usize::try_from(length - count).unwrap_or(usize::MAX);
    let filler: String = padding.chars().cycle().take(missing).collect();
    Ok(call.string(if at_start { filler + &text } else { text.into_owned() + &filler }))
}

fn trim(call: &Invocation<'_>, start: bool, end: bool) -> Result<Value> {
    let remove = if call.count() == 2 { call.text(1) } else { Some(Cow::Borrowed(" ")) };
    let (Some(text), Some(remove)) = (call.text(0), remove) else { return Ok(Value::Null) };
    let mut rest = &*text;
    if !remove.is_empty() {
        if start {
            rest = rest.trim_start_matches(&*remove);
        }
        while end && let Some(shorter) = rest.strip_suffix(&*remove) {
            rest = shorter;
        }
    }
    Ok(call.string(rest))
}

/// Upper case where that is one character, as MariaDB's tables have it.
fn upper(c: char) -> char {
    let mut mapped = c.to_uppercase();
    match (mapped.next(), mapped.next()) {
        (Some(single), None) => single,
        _ => c,
    }
}

/// Lower case where that is one character.
fn lower(c: char) -> char {
    let mut mapped = c.to_lowercase();
    match (mapped.next(), mapped.next()) {
        (Some(single), None) => single,
        _ => c,
    }
}

/// Bytes have no case.
fn map_chars(call: &Invocation<'_>, map: fn(char) -> char) -> Result<Value> {
    let Some(text) = call.text(0) else { return Ok(Value::Null) };
    if call.call.result().data_type.is_binary() {
        return Ok(call.string(text));
    }
    Ok(call.string(text.chars().map(map).collect::<String>()))
}

fn replace(call: &Invocation<'_>) -> Result<Value> {
    let (Some(text), Some(from)) = (call.text(0), call.text(1)) else { return Ok(Value::Null) };
    if from.is_empty() || !text.contains(&*from) {
        return Ok(call.string(text));
    }
    let Some(to) = call.text(2) else { return Ok(Value::Null) };
    let count = text.matches(&*from).count() as u64;
    let length =
        (text.len() as u64 - count * from.len() as u64).saturating_add(count.saturating_mul(to.len() as u64));
    if call.is_too_long(length) {
        return Ok(Value::Null);
    }
    Ok(call.string(text.replace(&*from, &to)))
}

fn reverse(call: &Invocation<'_>) -> Result<Value> {
    Ok(call.text(0).map_or(Value::Null, |text| call.string(text.chars().rev().collect::<String>())))
}

fn repeat(call: &Invocation<'_>) -> Result<Value> {
    let (Some(text), Some(count)) = (call.text(0), length_arg(call, 1)) else { return Ok(Value::Null) };
    let count = usize::try_from(count.max(0)).unwrap_or(usize::MAX);
    if call.is_too_long((text.len() as u64).saturating_mul(count as u64)) {
        return Ok(Value::Null);
    }
    Ok(call.string(text.repeat(if text.is_empty() { 0 } else { count })))
}

fn space(call: &Invocation<'_>) -> Result<Value> {
    let Some(count) = length_arg(call, 0) else { return Ok(Value::Null) };
    let count = usize::try_from(count.max(0)).unwrap_or(usize::MAX);
    if call.is_too_long(count as u64) {
        return Ok(Value::Null);
    }
    Ok(call.string(" ".repeat(count)))
}

fn insert(call: &Invocation<'_>) -> Result<Value> {
    let (Some(text), Some(position), Some(length), Some(new)) =
        (call.text(0), length_arg(call, 1), length_arg(call, 2), call.text(3))
    else {
        return Ok(Value::Null);
    };
    let count = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
    if position < 1 || position > count {
        return Ok(call.string(text));
    }
    let before = slice(&text, 0, position - 1);
    let length = if length < 0 { i64::MAX } else { length };
    let replaced = slice(&text, position - 1, length);
    let after = &text[before.len() + replaced.len()..];
    Ok(call.string([before, &new, after].concat()))
}

/// The position, from 1, of one argument in another; 0 if it is not there.
fn locate(call: &Invocation<'_>, text: usize, wanted: usize) -> Result<Value> {
    let start = if call.count() == 3 { length_arg(call, 2) } else { Some(1) };
    let (Some(text), Some(wanted), Some(start)) = (call.text(text), call.text(wanted), start) else {
        return Ok(Value::Null);
    };
    let characters = text.chars().count();
    let start = usize::try_from(start).unwrap_or(0);
    if start == 0 || call.count() == 3 && start > characters {
        return Ok(Value::Int(0));
    }
    let skipped = slice(&text, 0, i64::try_from(start - 1).unwrap_or(i64::MAX)).len();
    let found = text[skipped..].find(&*wanted).map(|at| text[..skipped + at].chars().count() + 1);
    count(Some(found.unwrap_or(0)))
}

fn count(count: Option<usize>) -> Result<Value> {
    Ok(count.map_or(Value::Null, |count| Value::Int(i64::try_from(count).unwrap_or(i64::MAX))))
}

fn find_in_set(call: &Invocation<'_>) -> Result<Value> {
    let (Some(wanted), Some(set)) = (call.text(0), call.text(1)) else { return Ok(Value::Null) };
    if set.is_empty() {
        return count(Some(0));
    }
    let found = set.split(',').position(|member| member == wanted);
    count(Some(found.map_or(0, |index| index + 1)))
}

/// The arguments after the first whose bit is set in it.
fn make_set(call: &Invocation<'_>) -> Result<Value> {
    let Some(bits) = call.context.converter().bits(call.value(0)) else { return Ok(Value::Null) };
    let mut list = String::new();
    let mut first = true;
    for index in (1..call.count().min(65)).filter(|index| bits >> (index - 1) & 1 == 1) {
        if let Some(text) = call.text(index) {
            if !append(call, &mut list, ",", &text, first) {
                return Ok(Value::Null);
            }
            first = false;
        }
    }
    Ok(call.string(list))
}

fn export_set(call: &Invocation<'_>) -> Result<Value> {
    let Some(bits) = call.context.converter().bits(call.value(0)) else { return Ok(Value::Null) };
    let separator = if call.count() > 3 { call.text(3) } else { Some(Cow::Borrowed(",")) };
    let number = if call.count() > 4 { length_arg(call, 4) } else { Some(64) };
    let (Some(on), Some(off), Some(separator), Some(number)) =
        (call.text(1), call.text(2), separator, number)
    else {
        return Ok(Value::Null);
    };
    let mut list = String::new();
    let number = if (0..=64).contains(&number) { number } else { 64 };
    for bit in 0..number {
        let text = if bits >> bit & 1 == 1 { &on } else { &off };
        if !append(call, &mut list, &separator, text, bit == 0) {
            return Ok(Value::Null);
        }
    }
    Ok(call.string(list))
}

/// The argument as a literal; the word NULL for NULL.
fn quote(call: &Invocation<'_>) -> Result<Value> {
    let Some(text) = call.text(0) else { return Ok(call.string("NULL")) };
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('\'');
    for c in text.chars() {
        match c {
            '\0' => quoted.push_str("\\0"),
            '\u{1a}' => quoted.push_str("\\Z"),
            '\\' | '\'' => quoted.extend(['\\', c]),
            c => quoted.push(c),
        }
    }
    quoted.push('\'');
    Ok(call.string(quoted))
}

fn soundex(call: &Invocation<'_>) -> Result<Value> {
    /// Shortest code; shorter ones are filled with 0.
    const LENGTH: usize = 4;
    let Some(text) = call.text(0) else { return Ok(Value::Null) };
    let digit = |c: char| match c.to_ascii_uppercase() {
        'B' | 'F' | 'P' | 'V' => '1',
        'C' | 'G' | 'J' | 'K' | 'Q' | 'S' | 'X' | 'Z' => '2',
        'D' | 'T' => '3',
        'L' => '4',
        'M' | 'N' => '5',
        'R' => '6',
        _ => '0',
    };
    let mut letters = text.chars().filter(|c| c.is_ascii_alphabetic() || *c >= 'À');
    let Some(first) = letters.next() else { return Ok(call.string("")) };
    let mut code = String::from(first.to_ascii_uppercase());
    let mut last = digit(first);
    for letter in letters {
        let digit = digit(letter);
        // A vowel between two of a kind does not part them, as it does elsewhere.
        if digit != '0' && digit != last {
            code.push(digit);
            last = digit;
        }
    }
    while code.chars().count() < LENGTH {
        code.push('0');
    }
    Ok(call.string(code))
}
