//! LIKE and REGEXP.

use std::borrow::Cow;

use regex::{Regex, RegexBuilder};

use super::{
    Function, Invocation,
    call::{boolean, infer_boolean},
};
use crate::{
    error::{Error, Result},
    sql::types::Value,
};

pub(super) static LIKE: Function = Function::new("like", (2, 3), infer_boolean, |call| like(call, true));
pub(super) static NOT_LIKE: Function =
    Function::new("not like", (2, 3), infer_boolean, |call| like(call, false));
pub(super) static REGEXP: Function =
    Function::new("regexp", (2, 2), infer_boolean, |call| regexp(call, true));
pub(super) static NOT_REGEXP: Function =
    Function::new("not regexp", (2, 2), infer_boolean, |call| regexp(call, false));

/// Bytes that a compiled regular expression may take.
const MAX_REGEX_BYTES: usize = 1024 * 1024;

fn like(call: &Invocation<'_>, wanted: bool) -> Result<Value> {
    let escape = match call.count() {
        3 => {
            let text = call.text(2).unwrap_or_default();
            let mut chars = text.chars();
            match (chars.next(), chars.next()) {
                (escape, None) => escape,
                _ => return Err(Error::WrongArguments("ESCAPE".to_owned())),
            }
        }
        _ => Some('\\'),
    };
    let (Some(text), Some(pattern)) = (call.text(0), call.text(1)) else { return Ok(Value::Null) };
    Ok(boolean(Some(matches_like(&text, &pattern, escape) == wanted)))
}

/// One step of a pattern.
enum Step {
    /// This character.
    Char(char),
    /// `_`
    Any,
    /// `%`
    Many,
}

/// Takes one step off the start of a pattern.
fn step(pattern: &str, escape: Option<char>) -> Option<(Step, &str)> {
    let mut chars = pattern.chars();
    let first = chars.next()?;
    if Some(first) == escape {
        // An escape at the very end stands for itself.
        let escaped = chars.next().unwrap_or(first);
        return Some((Step::Char(escaped), chars.as_str()));
    }
    let step = match first {
        '%' => Step::Many,
        '_' => Step::Any,
        first => Step::Char(first),
    };
    Some((step, chars.as_str()))
}

/// Whether a text matches a LIKE pattern. Goes back only to the last `%`, so that it takes at most text times pattern
/// steps, and no memory.
pub fn matches_like(text: &str, pattern: &str, escape: Option<char>) -> bool {
    let (mut text, mut pattern) = (text, pattern);
    // Where to go on if what follows the last `%` does not match here: the text after one more character.
    let mut retry: Option<(&str, &str)> = None;
    loop {
        let advance = match step(pattern, escape) {
            None if text.is_empty() => return true,
            None => None,
            Some((Step::Many, rest)) => {
                if rest.is_empty() {
                    return true;
                }
                retry = Some((text, rest));
                pattern = rest;
                continue;
            }
            Some((step, rest)) => {
                let mut chars = text.chars();
                let matched = match (step, chars.next()) {
                    (Step::Char(wanted), Some(found)) => wanted == found,
                    (_, found) => found.is_some(),
                };
                matched.then_some((chars.as_str(), rest))
            }
        };
        if let Some((rest_of_text, rest_of_pattern)) = advance {
            (text, pattern) = (rest_of_text, rest_of_pattern);
            continue;
        }
        let Some((from, rest)) = retry else { return false };
        let mut chars = from.chars();
        if chars.next().is_none() {
            return false;
        }
        retry = Some((chars.as_str(), rest));
        (text, pattern) = (chars.as_str(), rest);
    }
}

fn regexp(call: &Invocation<'_>, wanted: bool) -> Result<Value> {
    let Some(pattern) = call.text(1) else { return Ok(Value::Null) };
    let Some(text) = call.text(0) else {
        // A wrong pattern is an error all the same.
        return compile(&pattern).map(|_| Value::Null);
    };
    let found = match call.call.regex.get() {
        Some(regex) => regex.is_match(&text),
        None => {
            let regex = compile(&pattern)?;
            let found = regex.is_match(&text);
            if call.call.constant_pattern {
                // Another thread may have been first; both are the same.
                let _ = call.call.regex.set(regex);
            }
            found
        }
    };
    Ok(boolean(Some(found == wanted)))
}

/// Compiles a regular expression, within bounds of memory; matching takes time linear in the text.
fn compile(pattern: &str) -> Result<Regex> {
    // These classes mean all of Unicode, as in MariaDB, not ASCII.
    let pattern = [
        ("[:alpha:]", "\\p{L}"),
        ("[:digit:]", "\\p{Nd}"),
        ("[:alnum:]", "\\p{L}\\p{N}"),
        ("[:upper:]", "\\p{Lu}"),
        ("[:lower:]", "\\p{Ll}"),
        ("[:space:]", "\\s"),
    ]
    .into_iter()
    .fold(Cow::Borrowed(pattern), |pattern, (name, class)| {
        if pattern.contains(name) { Cow::Owned(pattern.replace(name, class)) } else { pattern }
    });
    RegexBuilder::new(&pattern)
        .size_limit(MAX_REGEX_BYTES)
        .dfa_size_limit(MAX_REGEX_BYTES)
        .build()
        .map_err(|error| Error::Regex(error.to_string()))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn wildcards_match_characters() {
        for (text, pattern, expected) in [
            ("abc", "a%", true),
            ("abc", "a_c", true),
            ("aéc", "a_c", true),
            ("abc", "_", false),
            ("", "%", true),
            ("", "_", false),
            ("a%c", "a\\%c", true),
            ("abc", "a\\%c", false),
            ("abcabd", "%ab_", true),
            ("abc", "%b", false),
            ("a\\", "a\\", true),
            ("abc", "ABC", false),
            ("abc ", "abc", false),
        ] {
            assert_eq!(matches_like(text, pattern, Some('\\')), expected, "{text} LIKE {pattern}");
        }
    }

    #[test]
    fn hostile_patterns_take_no_longer_than_text_times_pattern() {
        let start = Instant::now();
        assert!(!matches_like(&"a".repeat(10_000), &format!("{}b", "%a".repeat(1_000)), Some('\\')));
        assert!(compile("(a{1000}){1000}").is_err());
        assert!(start.elapsed() < Duration::from_secs(10));
    }
}
