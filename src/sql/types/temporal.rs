//! Moments, days and spans of time: read from texts and numbers, and turned into them.
//!
//! Days that no calendar has, such as `0000-00-00` or `2024-02-00`, which MariaDB stores on request, do not exist here.

use std::fmt;

use bigdecimal::{BigDecimal, num_bigint::BigInt};
use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike};

use super::{
    number,
    warnings::{Level, Warnings},
};

/// Most digits of a second's fraction.
pub const MAX_FRACTION_DIGITS: u8 = 6;
/// The first day, where MariaDB has the day `0000-00-00`.
pub const FIRST_DAY: NaiveDate = match NaiveDate::from_ymd_opt(0, 1, 1) {
    Some(day) => day,
    None => NaiveDate::MIN,
};
/// Greatest hour of a TIME.
const MAX_TIME_HOURS: i64 = 838;

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

/// The greatest TIME, 838:59:59.999999, or its negative.
pub fn max_time(negative: bool) -> TimeDelta {
    let micros = ((MAX_TIME_HOURS * 60 + 59) * 60 + 59) * 1_000_000 + 999_999;
    TimeDelta::microseconds(if negative { -micros } else { micros })
}

/// A span within the range of TIME, and whether it had to be changed.
pub fn clamp_time(time: TimeDelta) -> (TimeDelta, bool) {
    let max = max_time(false);
    if time > max {
        (max, true)
    } else if time < -max {
        (-max, true)
    } else {
        (time, false)
    }
}

/// Microseconds that one unit of the last of `fsp` digits has.
fn fraction_unit(fsp: u8) -> i64 {
    10_i64.pow(u32::from(MAX_FRACTION_DIGITS.saturating_sub(fsp)))
}

/// A TIME cut to `fsp` digits of a second.
pub fn cut_time(time: TimeDelta, fsp: u8) -> TimeDelta {
    let micros = micros(time);
    TimeDelta::microseconds(micros - micros % fraction_unit(fsp))
}

/// A DATETIME cut to `fsp` digits of a second.
pub fn cut_datetime(moment: NaiveDateTime, fsp: u8) -> NaiveDateTime {
    let unit = u32::try_from(fraction_unit(fsp) * 1_000).unwrap_or(1);
    let nanos = moment.nanosecond().min(999_999_999);
    moment.with_nanosecond(nanos - nanos % unit).unwrap_or(moment)
}

/// The microseconds of a span; all spans here are within the range of TIME or of the calendar.
pub fn micros(time: TimeDelta) -> i64 {
    time.num_microseconds().unwrap_or(if time < TimeDelta::zero() { i64::MIN } else { i64::MAX })
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

/// A year of two digits means 1970 to 2069.
pub(crate) fn full_year(year: u32) -> u32 {
    match year {
        0..70 => 2000 + year,
        70..100 => 1900 + year,
        year => year,
    }
}

/// Builds a moment, if the calendar has it.
fn moment(year: u32, month: u32, day: u32, time: [u32; 4]) -> Option<NaiveDateTime> {
    let [hour, minute, second, micro] = time;
    if year > 9999 {
        return None;
    }
    NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?
        .and_hms_micro_opt(hour, minute, second, micro)
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

/// The moment that a number such as `20240131235959` names.
pub fn datetime_from_number(number: i64, micro: u32) -> Option<NaiveDateTime> {
    let full = match number {
        101..=691_231 => (number + 20_000_000) * 1_000_000,
        700_101..=991_231 => (number + 19_000_000) * 1_000_000,
        10_000_101..=99_991_231 => number * 1_000_000,
        101_000_000..=691_231_235_959 => number + 20_000_000_000_000,
        700_101_000_000..=991_231_235_959 => number + 19_000_000_000_000,
        10_000_101_000_000..=99_991_231_235_959 => number,
        _ => return None,
    };
    let part = |divisor: i64, modulus: i64| u32::try_from(full / divisor % modulus).unwrap_or(u32::MAX);
    moment(
        part(10_000_000_000, 10_000),
        part(100_000_000, 100),
        part(1_000_000, 100),
        [part(10_000, 100), part(100, 100), part(1, 100), micro],
    )
}

/// The span that a number such as `-1234559` names; a number too large for a span means a moment's time of day.
pub fn time_from_number(number: i64, micro: u32) -> Option<ParsedTime> {
    /// Least number that is read as a moment.
    const FIRST_DATETIME: i64 = 10_000_000;
    /// Greatest number that is read as a moment.
    const LAST_DATETIME: i64 = 99_999_999_999_999;
    let magnitude = number.unsigned_abs().min(i64::MAX.unsigned_abs());
    let magnitude = i64::try_from(magnitude).unwrap_or(i64::MAX);
    if (FIRST_DATETIME..=LAST_DATETIME).contains(&number) {
        let moment = datetime_from_number(number, micro)?;
        return Some(ParsedTime { time: time_of_day(moment), truncated: false });
    }
    let (hours, minutes, seconds) = (magnitude / 10_000, magnitude / 100 % 100, magnitude % 100);
    if !(-FIRST_DATETIME..=LAST_DATETIME).contains(&number) {
        return Some(ParsedTime { time: max_time(number < 0), truncated: true });
    }
    if minutes > 59 || seconds > 59 {
        return None;
    }
    if hours > MAX_TIME_HOURS {
        return Some(ParsedTime { time: max_time(number < 0), truncated: true });
    }
    let span =
        TimeDelta::seconds((hours * 60 + minutes) * 60 + seconds) + TimeDelta::microseconds(micro.into());
    Some(ParsedTime { time: if number < 0 { -span } else { span }, truncated: false })
}

/// The span that a number such as `340000` names, however many hours it has.
pub fn unbounded_time(number: i64) -> Option<TimeDelta> {
    let magnitude = number.checked_abs()?;
    let (hours, minutes, seconds) = (magnitude / 10_000, magnitude / 100 % 100, magnitude % 100);
    if minutes > 59 || seconds > 59 || number >= 10_000_000_000 {
        return time_from_number(number, 0).map(|parsed| parsed.time);
    }
    let span = TimeDelta::seconds((hours * 60 + minutes) * 60 + seconds);
    Some(if number < 0 { -span } else { span })
}

/// The time of day as a span since midnight.
pub fn time_of_day(moment: NaiveDateTime) -> TimeDelta {
    moment.time().signed_duration_since(NaiveTime::MIN)
}

/// A day's first moment.
pub fn midnight(day: NaiveDate) -> NaiveDateTime {
    day.and_time(NaiveTime::MIN)
}

/// Whether a year is within 0000 to 9999, as a DATE's must be.
pub fn in_range(day: NaiveDate) -> bool {
    (0..=9999).contains(&day.year())
}

/// A day as a number: `20240131`.
pub fn date_number(day: NaiveDate) -> i64 {
    i64::from(day.year()) * 10_000 + i64::from(day.month()) * 100 + i64::from(day.day())
}

/// A moment as a number without its fraction: `20240131235959`.
pub fn datetime_number(moment: NaiveDateTime) -> i64 {
    let seconds =
        i64::from(moment.hour()) * 10_000 + i64::from(moment.minute()) * 100 + i64::from(moment.second());
    date_number(moment.date()) * 1_000_000 + seconds
}

/// A span as a number without its fraction: `-8385959`.
pub fn time_number(time: TimeDelta) -> i64 {
    let seconds = micros(time) / 1_000_000;
    seconds / 3600 * 10_000 + seconds / 60 % 60 * 100 + seconds % 60
}

/// A number and millionths as an exact number; without a point if there are none.
pub fn with_fraction(number: i64, micro: i64) -> BigDecimal {
    if micro == 0 {
        return BigDecimal::from(number);
    }
    let digits = BigInt::from(number) * 1_000_000 + micro;
    BigDecimal::new(digits, i64::from(MAX_FRACTION_DIGITS))
}

/// Writes a day: `2024-01-31`.
pub fn write_date(out: &mut impl fmt::Write, day: NaiveDate) -> fmt::Result {
    write!(out, "{:04}-{:02}-{:02}", day.year(), day.month(), day.day())
}

/// Writes a moment with `fsp` digits of a second.
pub fn write_datetime(out: &mut impl fmt::Write, moment: NaiveDateTime, fsp: u8) -> fmt::Result {
    write_date(out, moment.date())?;
    write!(out, " {:02}:{:02}:{:02}", moment.hour(), moment.minute(), moment.second())?;
    write_fraction(out, moment.nanosecond() / 1_000, fsp)
}

/// Writes a span with `fsp` digits of a second: `-01:02:03`.
pub fn write_time(out: &mut impl fmt::Write, time: TimeDelta, fsp: u8) -> fmt::Result {
    let micros = micros(time);
    if micros < 0 {
        out.write_char('-')?;
    }
    let micros = micros.unsigned_abs();
    let seconds = micros / 1_000_000;
    write!(out, "{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)?;
    write_fraction(out, u32::try_from(micros % 1_000_000).unwrap_or(0), fsp)
}

fn write_fraction(out: &mut impl fmt::Write, micro: u32, fsp: u8) -> fmt::Result {
    if fsp == 0 {
        return Ok(());
    }
    let fsp = fsp.min(MAX_FRACTION_DIGITS);
    let digits = micro / 10_u32.pow(u32::from(MAX_FRACTION_DIGITS - fsp));
    write!(out, ".{digits:0width$}", width = usize::from(fsp))
}

/// How many digits of a second a text gives: the fraction's digits, at most six.
pub fn fraction_digits(text: &str) -> u8 {
    let Some((_, fraction)) = text.rsplit_once('.') else { return 0 };
    let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
    u8::try_from(digits).unwrap_or(u8::MAX).min(MAX_FRACTION_DIGITS)
}

/// A number's whole part and its millionths, cut; None beyond BIGINT.
pub fn split_number(number: &BigDecimal) -> Option<(i64, u32)> {
    let whole = super::decimal::to_whole(number, bigdecimal::RoundingMode::Down);
    let fraction = (number - &whole).abs().with_scale_round(6, bigdecimal::RoundingMode::Down);
    let (digits, _) = fraction.into_bigint_and_scale();
    let (whole, _) = whole.into_bigint_and_scale();
    Some((i64::try_from(whole).ok()?, u32::try_from(digits).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

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
