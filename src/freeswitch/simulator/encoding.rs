//! How FreeSWITCH writes what callers choose, in lists and events.

use std::fmt::Write;

use percent_encoding::percent_encode_byte;

/// What it escapes of printable ASCII, besides `%`.
const UNSAFE: &[u8] = b" \"#&+:;<=>?@[\\]^`{|}";

/// A value, percent-encoded; what looks like an escape already stays as it is.
pub(super) fn percent_encode(value: &[u8]) -> String {
    let mut encoded = String::with_capacity(value.len());
    for (position, &byte) in value.iter().enumerate() {
        let is_safe = match byte {
            b'%' => is_escape(&value[position + 1..]),
            b' '..=b'~' => !UNSAFE.contains(&byte),
            _ => false,
        };
        if is_safe {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(percent_encode_byte(byte));
        }
    }
    encoded
}

/// Whether these bytes make a `%` in front of them an escape.
fn is_escape(rest: &[u8]) -> bool {
    let is_digit = |byte: &u8| byte.is_ascii_digit() || (b'A'..=b'F').contains(byte);
    rest.len() >= 2 && rest.iter().take(2).all(is_digit)
}

/// A value of an XML attribute, or a text of which nothing else was encoded.
pub(super) fn escape_xml(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for character in value.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push_str("&#10;"),
            character if character.is_ascii() => escaped.push(character),
            character => {
                // Writing to a String cannot fail.
                let _ = write!(escaped, "&#x{:X};", u32::from(character));
            }
        }
    }
    escaped
}
