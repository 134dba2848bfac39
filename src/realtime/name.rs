//! Names of pipes and events, and numbers, as browsers give them.

use compact_str::CompactString;

use crate::tables::is_name_character;

/// Most characters of a name.
pub(super) const MAX_LENGTH: usize = 64;

/// Why something is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NameError {
    /// It has other characters than letters, digits, `_` and `-`.
    Characters,
    /// It is too long, or empty where it must not be.
    Length,
}

/// Reads the name of a pipe.
pub(super) fn pipe(text: &str) -> Result<CompactString, NameError> {
    if text.is_empty() { Err(NameError::Length) } else { event(text) }
}

/// Reads the name of an event, which may be empty.
pub(super) fn event(text: &str) -> Result<CompactString, NameError> {
    if !text.bytes().all(is_name_character) {
        return Err(NameError::Characters);
    }
    if text.len() > MAX_LENGTH {
        return Err(NameError::Length);
    }
    Ok(text.into())
}

/// Reads a number of nothing but digits.
pub fn number(text: &str) -> Option<u32> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}
