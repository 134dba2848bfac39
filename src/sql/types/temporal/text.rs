//! Moments and spans read from texts.

use chrono::{NaiveDateTime, TimeDelta};

use super::{MAX_FRACTION_DIGITS, clamp_time, cut_time, full_year, moment, time_of_day};
use crate::sql::types::{
    number,
    warnings::{Level, Warnings},
};

/// Fewest bytes of a text that is read as a moment where a span is asked for.
pub const SHORTEST_MOMENT: usize = 12;

/// A date, a time or both, as read from a text.
struct Fields {
    value: NaiveDateTime,
    /// Whether it says a time of day.
    has_time: bool,
    /// Whether something followed that does not belong to it.
    truncated: bool,
}

fn is_separator(byte: u8) -> bool {
    byte.is_ascii_punctuation()
}

/// Width of a number that ends where its digits do.
const ALL: usize = usize::MAX;

/// Reads numbers and separators off the start of a text.
struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    /// A number of at most `width` digits; None if there is no digit.
    fn number(&mut self, width: usize) -> Option<u32> {
        let digits = self.rest.iter().take(width).take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            return None;
        }
        let value = self.rest[..digits]
            .iter()
            .fold(0_u32, |value, digit| value.saturating_mul(10).saturating_add(u32::from(digit - b'0')));
        self.rest = &self.rest[digits..];
        Some(value)
    }

    /// Steps over a separator.
    fn separator(&mut self) -> Option<()> {
        let byte = self.rest.first()?;
        if !is_separator(*byte) {
            return None;
        }
        self.rest = &self.rest[1..];
        Some(())
    }

    /// Steps over what stands between a day and a time of day: `T`, spaces, or a separator.
    fn day_end(&mut self) -> Option<()> {
        match self.rest.first()? {
            b'T' => self.rest = &self.rest[1..],
            byte if byte.is_ascii_whitespace() || is_separator(*byte) => {
                let skipped = self
                    .rest
                    .iter()
                    .take_while(|byte| byte.is_ascii_whitespace() || is_separator(**byte))
                    .count();
                self.rest = &self.rest[skipped..];
            }
            _ => return None,
        }
        self.rest.first().filter(|byte| byte.is_ascii_digit()).map(|_| ())
    }

    /// The digits after a point as microseconds; digits beyond the sixth are skipped.
    fn fraction(&mut self) -> u32 {
        let mut micros = 0;
        for place in 0..MAX_FRACTION_DIGITS {
            micros *= 10;
            if let Some((digit, rest)) = self.rest.split_first().filter(|(digit, _)| digit.is_ascii_digit()) {
                micros += u32::from(digit - b'0');
                self.rest = rest;
            } else {
                let missing = u32::from(MAX_FRACTION_DIGITS - place - 1);
                return micros * 10_u32.pow(missing);
            }
        }
        let more = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.rest = &self.rest[more..];
        micros
    }

    fn ends(&self) -> bool {
        self.rest.iter().all(u8::is_ascii_whitespace)
    }
}

/// Reads `YYYY-MM-DD[ hh:mm:ss[.ffffff]]` in all the forms that MariaDB knows: other separators, two-digit years, no
/// separators at all.
fn read_datetime(text: &str) -> Option<Fields> {
    let text = text.trim_start_matches(number::is_space).as_bytes();
    if !text.first()?.is_ascii_digit() {
        return None;
    }
    let run = text.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'T').count();
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    /// Fewest digits that may have a fraction after them.
    const WITH_TIME: usize = 12;
    let packed = run == text.len() || run > digits || text[run] == b'.' && digits >= WITH_TIME;
    let mut reader = Reader { rest: text };
    let mut time = [0; 4];
    let mut known = 3;
    let (year, two_digits, month, day);
    if packed {
        let width = if digits == 4 || digits == 8 || run >= 14 { 4 } else { 2 };
        year = reader.number(width)?;
        two_digits = width == 2;
        month = reader.number(2)?;
        day = reader.number(2)?;
        if reader.rest.first() == Some(&b'T') {
            reader.rest = &reader.rest[1..];
        }
        for field in &mut time[..3] {
            let Some(value) = reader.number(2) else { break };
            *field = value;
            known += 1;
        }
    } else {
        let before = reader.rest.len();
        year = reader.number(ALL)?;
        two_digits = before - reader.rest.len() == 2;
        reader.separator()?;
        month = reader.number(ALL)?;
        reader.separator()?;
        day = reader.number(ALL)?;
        let start = Reader { rest: reader.rest };
        if reader.day_end().is_some() {
            for (place, field) in time[..3].iter_mut().enumerate() {
                if place > 0 && reader.separator().is_none() {
                    break;
                }
                let Some(value) = reader.number(ALL) else { break };
                *field = value;
                known += 1;
            }
        } else {
            reader = start;
        }
    }
    if known == 6 && reader.rest.first() == Some(&b'.') {
        reader.rest = &reader.rest[1..];
        time[3] = reader.fraction();
    }
    let year = if two_digits { full_year(year) } else { year };
    let value = moment(year, month, day, time)?;
    Some(Fields { value, has_time: known > 3, truncated: !reader.ends() })
}

/// The moment that a text names; None, with a warning, if it names none.
pub fn parse_datetime(text: &str, warnings: &Warnings) -> Option<NaiveDateTime> {
    match read_datetime(text) {
        Some(fields) => {
            if fields.truncated {
                warnings.truncated(Level::Warning, "datetime", text);
            }
            Some(fields.value)
        }
        None => {
            warnings.incorrect("datetime", text);
            None
        }
    }
}

/// The moment that a text names exactly, for literals and for storing; None also if something is left over.
pub fn parse_datetime_exact(text: &str) -> Option<NaiveDateTime> {
    read_datetime(text).filter(|fields| !fields.truncated).map(|fields| fields.value)
}

/// Whether a text names a moment, and nothing else.
pub fn names_moment(text: &str) -> bool {
    parse_datetime_exact(text).is_some()
}

/// Whether a text that names a moment says its time of day.
pub fn has_time_of_day(text: &str) -> bool {
    read_datetime(text).is_some_and(|fields| fields.has_time)
}

/// What a text says about a TIME.
pub struct ParsedTime {
    /// The span, within the range of TIME.
    pub time: TimeDelta,
    /// Whether the text says more, or more than a TIME can hold.
    pub truncated: bool,
}

/// Whether digits and a colon begin a text: after a number and a space, that number is one of days.
fn is_clock(text: &[u8]) -> bool {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    digits > 0 && text.get(digits) == Some(&b':')
}

/// Reads `[-][D ]hh:mm[:ss[.ffffff]]`, `[-]hhmmss[.ffffff]`, or a whole datetime. None if it is none of them.
pub fn read_time(text: &str) -> Option<ParsedTime> {
    let text = text.trim_start_matches(number::is_space);
    let (negative, text) = match text.strip_prefix('-') {
        Some(text) => (true, text),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let text = text.trim_start_matches(number::is_space);
    if !negative
        && text.len() >= SHORTEST_MOMENT
        && let Some(fields) = read_datetime(text)
    {
        return Some(ParsedTime { time: time_of_day(fields.value), truncated: fields.truncated });
    }
    let bytes = text.as_bytes();
    let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 {
        return None;
    }
    let first = text[..digits].parse::<i64>().ok().filter(|first| *first <= i64::from(u32::MAX))?;
    let mut reader = Reader { rest: &bytes[digits..] };
    let field = |reader: &mut Reader<'_>| -> Option<i64> {
        let after = reader.rest.strip_prefix(b":")?;
        if !after.first()?.is_ascii_digit() {
            return None;
        }
        reader.rest = after;
        let digits = after.iter().take_while(|byte| byte.is_ascii_digit()).count();
        reader.number(digits).map(i64::from)
    };
    let (days, hours, minutes, seconds) = match reader.rest {
        [b' ', rest @ ..] if is_clock(rest) => {
            reader.rest = rest;
            let hours = i64::from(reader.number(ALL)?);
            let minutes = field(&mut reader);
            let seconds = minutes.and_then(|_| field(&mut reader));
            (first, hours, minutes.unwrap_or(0), seconds.unwrap_or(0))
        }
        [b':', digit, ..] if digit.is_ascii_digit() => {
            let minutes = field(&mut reader).unwrap_or(0);
            (0, first, minutes, field(&mut reader).unwrap_or(0))
        }
        _ => (0, first / 10_000, first / 100 % 100, first % 100),
    };
    let mut micro = 0;
    if reader.rest.first() == Some(&b'.') {
        reader.rest = &reader.rest[1..];
        micro = reader.fraction();
    }
    if minutes > 59 || seconds > 59 {
        return None;
    }
    let hours = days.saturating_mul(24).saturating_add(hours).min(i64::from(u32::MAX));
    let span =
        TimeDelta::seconds((hours * 60 + minutes) * 60 + seconds) + TimeDelta::microseconds(micro.into());
    let (time, clamped) = clamp_time(if negative { -span } else { span });
    let time = if clamped { cut_time(time, 0) } else { time };
    Some(ParsedTime { time, truncated: clamped || !reader.ends() })
}

/// The span that a text names; None, with a warning, if it names none.
pub fn parse_time(text: &str, warnings: &Warnings) -> Option<TimeDelta> {
    match read_time(text) {
        Some(parsed) => {
            if parsed.truncated {
                warnings.truncated(Level::Warning, "time", text);
            }
            Some(parsed.time)
        }
        None => {
            warnings.incorrect("time", text);
            None
        }
    }
}

/// How many digits of a second a text gives: the fraction's digits, at most six.
pub fn fraction_digits(text: &str) -> u8 {
    let Some((_, fraction)) = text.rsplit_once('.') else { return 0 };
    let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
    u8::try_from(digits).unwrap_or(u8::MAX).min(MAX_FRACTION_DIGITS)
}

#[cfg(test)]
mod tests {
    use super::{
        super::{write_datetime, write_time},
        *,
    };

    fn datetime(text: &str) -> Option<String> {
        let fields = read_datetime(text)?;
        let mut out = String::new();
        write_datetime(&mut out, fields.value, 6).unwrap();
        Some(out)
    }

    #[test]
    fn moments_are_read_in_all_their_forms() {
        let day = Some("2024-01-31 00:00:00.000000".to_owned());
        for text in ["2024-01-31", "24-1-31", "20240131", "240131", "2024/01/31", " 2024-01-31 ", "2024.1.31"]
        {
            assert_eq!(datetime(text), day, "{text}");
        }
        let moment = Some("2024-01-31 10:11:12.500000".to_owned());
        for text in ["2024-01-31 10:11:12.5", "2024-01-31T10:11:12.5", "20240131101112.5", "240131101112.5"] {
            assert_eq!(datetime(text), moment, "{text}");
        }
        for text in [
            "",
            "abc",
            "2024",
            "2024-13-01",
            "2024-02-30",
            "0000-00-00",
            "2024-01-31 24:00:00",
            "2024-01-31 101112",
            "20240131 101112",
            "2024--01-31",
            "2024-01-3110:11:12",
            "202401311011",
            "10000-01-01",
        ] {
            assert_eq!(datetime(text), None, "{text}");
        }
    }

    #[test]
    fn spans_are_read_and_written() {
        let time = |text: &str| {
            let parsed = read_time(text)?;
            let mut out = String::new();
            write_time(&mut out, parsed.time, 0).unwrap();
            Some((out, parsed.truncated))
        };
        let read = |text: &str, truncated: bool| Some((text.to_owned(), truncated));
        assert_eq!(time("10:11:12"), read("10:11:12", false));
        assert_eq!(time("-1 01:02"), read("-25:02:00", false));
        assert_eq!(time("1112"), read("00:11:12", false));
        assert_eq!(time("839:00:00"), read("838:59:59", true));
        assert_eq!(time("2024-01-01 10:11:12"), read("10:11:12", false));
        assert_eq!(time("+1:2:3"), read("01:02:03", false));
        assert_eq!(time("1:2:3:4"), read("01:02:03", true));
        assert_eq!(time("10:"), read("00:00:10", true));
        assert_eq!(time("1 2"), read("00:00:01", true));
        assert_eq!(time("10:61:00"), None);
        assert_eq!(time("abc"), None);
        assert_eq!(time("99999999999999999999"), None);
    }
}
