//! Moments written and read by a format: DATE_FORMAT, TIME_FORMAT, STR_TO_DATE.

use std::fmt::{self, Write};

use chrono::{Datelike, NaiveDate, NaiveDateTime, TimeDelta};

use super::{
    Argument, Function, Invocation, calendar,
    calendar::{MONTHS, WEEKDAYS},
};
use crate::{
    error::Result,
    sql::types::{DataType, ExprType, Level, Value, temporal},
};

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("date_format", (2, 3), infer_format, date_format),
    Function::new("time_format", (2, 2), infer_format, time_format),
    Function::new("str_to_date", (2, 2), infer_str_to_date, str_to_date),
];

/// The type of a moment written by a format.
pub(super) fn infer_format(args: &[Argument]) -> ExprType {
    /// Characters that a `%x` becomes at most.
    const LONGEST: u32 = 10;
    let length = match &args[1].constant {
        Some(Value::Text(format)) => format_length(format),
        _ => args[1].expr_type.length.saturating_mul(LONGEST),
    };
    ExprType { decimals: 0, ..ExprType::text(length) }.nullable(true)
}

/// Characters that a format gives at most.
fn format_length(format: &str) -> u32 {
    let mut length = 0_u32;
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        let specifier = if c == '%' { chars.next() } else { None };
        length = length.saturating_add(match specifier {
            None => 1,
            Some('M' | 'W') => 9,
            Some('D' | 'Y' | 'x' | 'X') => 4,
            Some('a' | 'b') => 10,
            Some('j') => 3,
            Some(
                'u' | 'U' | 'v' | 'V' | 'y' | 'm' | 'd' | 'h' | 'i' | 'I' | 'l' | 'p' | 'S' | 's' | 'c' | 'e',
            ) => 2,
            Some('k' | 'H') => 7,
            Some('r') => 11,
            Some('T') => 8,
            Some('f') => 6,
            Some(_) => 1,
        });
    }
    length
}

fn date_format(call: &Invocation<'_>) -> Result<Value> {
    if let Value::Time(time) = call.value(0) {
        return format_time(call, *time, true);
    }
    let Some(moment) = call.datetime(0) else { return Ok(Value::Null) };
    format_moment(call, moment)
}

/// A moment written by the format in the second argument; NULL for an empty format.
pub(super) fn format_moment(call: &Invocation<'_>, moment: NaiveDateTime) -> Result<Value> {
    let Some(format) = call.text(1).filter(|format| !format.is_empty()) else { return Ok(Value::Null) };
    let mut text = String::new();
    let time = temporal::time_of_day(moment);
    // Writing to a String does not fail.
    let _ = write_format(&mut text, &format, Day::Known(moment.date()), time);
    Ok(call.string(text))
}

fn time_format(call: &Invocation<'_>) -> Result<Value> {
    let Some(time) = call.time(0) else { return Ok(Value::Null) };
    format_time(call, time, false)
}

/// A span written by the format in the second argument; what it says about a day is 0 or, unless `zero_day`, makes
/// the whole NULL.
fn format_time(call: &Invocation<'_>, time: TimeDelta, zero_day: bool) -> Result<Value> {
    let Some(format) = call.text(1).filter(|format| !format.is_empty()) else { return Ok(Value::Null) };
    let day = if zero_day { Day::Zero } else { Day::None };
    let mut text = String::new();
    // Writing to a String does not fail. A specifier of a day makes the whole NULL.
    if write_format(&mut text, &format, day, time).is_err() {
        return Ok(Value::Null);
    }
    Ok(call.string(text))
}

/// The day that a format can write.
#[derive(Clone, Copy)]
enum Day {
    Known(NaiveDate),
    /// Of a TIME in DATE_FORMAT: year, month and day are 0.
    Zero,
    None,
}

/// Writes a day and a time by a format. Fails where the format asks for a day and there is none.
fn write_format(out: &mut String, format: &str, day: Day, time: TimeDelta) -> fmt::Result {
    let micros = temporal::micros(time);
    let (negative, micros) = (micros < 0, micros.unsigned_abs());
    let (seconds, micro) = (micros / 1_000_000, micros % 1_000_000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let hour12 = (hour % 24 + 11) % 12 + 1;
    let half = if hour % 24 < 12 { "AM" } else { "PM" };
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        let specifier = if c == '%' { chars.next() } else { None };
        let Some(specifier) = specifier else {
            out.push(c);
            continue;
        };
        match specifier {
            'H' | 'k' if negative => out.push('-'),
            _ => {}
        }
        match specifier {
            'H' => write!(out, "{hour:02}")?,
            'k' => write!(out, "{hour}")?,
            'h' | 'I' => write!(out, "{hour12:02}")?,
            'l' => write!(out, "{hour12}")?,
            'i' => write!(out, "{minute:02}")?,
            's' | 'S' => write!(out, "{second:02}")?,
            'f' => write!(out, "{micro:06}")?,
            'p' => out.push_str(half),
            'r' => write!(out, "{hour12:02}:{minute:02}:{second:02} {half}")?,
            'T' => write!(out, "{hour:02}:{minute:02}:{second:02}")?,
            specifier => write_day(out, specifier, day)?,
        }
    }
    Ok(())
}

fn write_day(out: &mut String, specifier: char, day: Day) -> fmt::Result {
    if !"YymcdeMbaWwjDUuVvXx".contains(specifier) {
        out.push(specifier);
        return Ok(());
    }
    let day = match (day, specifier) {
        (Day::Known(day), _) => day,
        (Day::Zero, 'Y') => return out.write_str("0000"),
        (Day::Zero, 'y' | 'm' | 'd') => return out.write_str("00"),
        (Day::Zero, 'c' | 'e') => return out.write_str("0"),
        _ => return Err(fmt::Error),
    };
    let short = |name: &'static str| &name[..3];
    match specifier {
        'Y' => write!(out, "{:04}", day.year()),
        'y' => write!(out, "{:02}", day.year() % 100),
        'm' => write!(out, "{:02}", day.month()),
        'c' => write!(out, "{}", day.month()),
        'd' => write!(out, "{:02}", day.day()),
        'e' => write!(out, "{}", day.day()),
        'M' => out.write_str(calendar::month_name(day)),
        'b' => out.write_str(short(calendar::month_name(day))),
        'W' => out.write_str(calendar::weekday_name(day)),
        'a' => out.write_str(short(calendar::weekday_name(day))),
        'w' => write!(out, "{}", day.weekday().num_days_from_sunday()),
        'j' => write!(out, "{:03}", day.ordinal()),
        'D' => write!(out, "{}{}", day.day(), ordinal_suffix(day.day())),
        'U' => write!(out, "{:02}", calendar::week(day, 0).0),
        'u' => write!(out, "{:02}", calendar::week(day, 1).0),
        'V' => write!(out, "{:02}", calendar::week(day, 2).0),
        'v' => write!(out, "{:02}", calendar::week(day, 3).0),
        'X' => write!(out, "{:04}", calendar::week(day, 2).1),
        _ => write!(out, "{:04}", calendar::week(day, 3).1),
    }
}

/// `st` of `1st`.
fn ordinal_suffix(number: u32) -> &'static str {
    match (number / 10 % 10, number % 10) {
        (1, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    }
}

/// The type of STR_TO_DATE by what a constant format reads.
fn infer_str_to_date(args: &[Argument]) -> ExprType {
    let Some(Value::Text(format)) = &args[1].constant else {
        return ExprType::new(DataType::DateTime(temporal::MAX_FRACTION_DIGITS)).nullable(true);
    };
    let reads = |specifiers: &str| {
        let mut chars = format.chars();
        while let Some(c) = chars.next() {
            if c == '%' && chars.next().is_some_and(|specifier| specifiers.contains(specifier)) {
                return true;
            }
        }
        false
    };
    let fsp = if reads("f") { temporal::MAX_FRACTION_DIGITS } else { 0 };
    let has_time = reads("HhIikLlprSsTf");
    let has_day = reads("MVUXYWabcjmvuxyweDd");
    ExprType::new(match (has_day, has_time) {
        (false, true) => DataType::Time(fsp),
        (_, true) => DataType::DateTime(fsp),
        _ => DataType::Date,
    })
    .nullable(true)
}

/// What STR_TO_DATE has read so far.
#[derive(Default)]
struct Fields {
    year: u32,
    month: u32,
    day: u32,
    hour: u32,
    minute: u32,
    second: u32,
    micro: u32,
    /// The hour is one of twelve, and whether it is after noon.
    half: Option<bool>,
    twelve_hours: bool,
    day_of_year: Option<u32>,
    weekday: Option<u32>,
    week: Option<u32>,
    week_mode: u32,
    week_year: Option<u32>,
}

/// Takes a number of at most `width` digits off the start of a text.
fn take_number(text: &mut &str, width: usize) -> Option<u32> {
    let digits = text.bytes().take(width).take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at(digits);
    let number = number.parse().ok()?;
    *text = rest;
    Some(number)
}

/// Takes one of these names, or its first `length` letters, off the start of a text.
fn take_name(text: &mut &str, names: &[&str], length: usize) -> Option<u32> {
    let index = names.iter().position(|name| {
        let name = &name[..length.min(name.len())];
        text.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name))
    })?;
    *text = &text[length.min(names[index].len())..];
    u32::try_from(index).ok()
}

/// Reads a text by a format; None if it does not fit. What is left of the text is returned too.
fn read_format<'a>(mut text: &'a str, format: &str) -> Option<(Fields, &'a str)> {
    let mut fields = Fields::default();
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        text = text.trim_start();
        if text.is_empty() {
            break;
        }
        let specifier = if c == '%' { chars.next() } else { None };
        let Some(specifier) = specifier else {
            if !c.is_whitespace() {
                text = text.strip_prefix(c)?;
            }
            continue;
        };
        read_field(&mut text, specifier, &mut fields)?;
    }
    Some((fields, text))
}

fn read_field(text: &mut &str, specifier: char, fields: &mut Fields) -> Option<()> {
    match specifier {
        'Y' => {
            let before = text.len();
            let year = take_number(text, 4)?;
            fields.year = if before - text.len() == 2 { temporal::full_year(year) } else { year };
        }
        'y' => fields.year = temporal::full_year(take_number(text, 2)?),
        'm' | 'c' => fields.month = take_number(text, 2)?,
        'M' => fields.month = take_name(text, &MONTHS, usize::MAX)? + 1,
        'b' => fields.month = take_name(text, &MONTHS, 3)? + 1,
        'd' | 'e' => fields.day = take_number(text, 2)?,
        'D' => {
            fields.day = take_number(text, 2)?;
            // Whatever the suffix is, it has two letters.
            *text = text.get(2..).unwrap_or("");
        }
        'h' | 'I' | 'l' => {
            fields.twelve_hours = true;
            fields.hour = take_number(text, 2).filter(|hour| (1..=12).contains(hour))?;
        }
        'H' | 'k' => fields.hour = take_number(text, 2)?,
        'i' => fields.minute = take_number(text, 2)?,
        's' | 'S' => fields.second = take_number(text, 2)?,
        'f' => {
            let before = text.len();
            let digits = take_number(text, 6)?;
            let width = u32::try_from(before - text.len()).unwrap_or(6);
            fields.micro = digits * 10_u32.pow(6 - width);
        }
        'p' => fields.half = Some(take_name(text, &["AM", "PM"], 2)? == 1),
        'W' => fields.weekday = Some(take_name(text, &WEEKDAYS, usize::MAX)? + 1),
        'a' => fields.weekday = Some(take_name(text, &WEEKDAYS, 3)? + 1),
        'w' => {
            let weekday = take_number(text, 1).filter(|weekday| *weekday < 7)?;
            fields.weekday = Some(if weekday == 0 { 7 } else { weekday });
        }
        'j' => fields.day_of_year = Some(take_number(text, 3)?),
        'U' | 'u' | 'V' | 'v' => {
            fields.week = Some(take_number(text, 2).filter(|week| *week <= 53)?);
            fields.week_mode = match specifier {
                'U' => 0,
                'u' => 1,
                'V' => 2,
                _ => 3,
            };
        }
        'X' | 'x' => fields.week_year = Some(take_number(text, 4)?),
        'r' => {
            for field in ['I', ':', 'i', ':', 's', 'p'] {
                *text = text.trim_start();
                match field {
                    ':' => *text = text.strip_prefix(':')?,
                    field => read_field(text, field, fields)?,
                }
            }
        }
        'T' => {
            for field in ['H', ':', 'i', ':', 's'] {
                match field {
                    ':' => *text = text.strip_prefix(':')?,
                    field => read_field(text, field, fields)?,
                }
            }
        }
        '%' => *text = text.strip_prefix('%')?,
        _ => return None,
    }
    Some(())
}

impl Fields {
    fn day(&self) -> Option<NaiveDate> {
        let year = i32::try_from(self.year).ok()?;
        if let Some(ordinal) = self.day_of_year {
            return NaiveDate::from_yo_opt(year, ordinal);
        }
        if let (Some(week), Some(weekday)) = (self.week, self.weekday) {
            let year = self.week_year.map_or(Some(year), |year| i32::try_from(year).ok())?;
            let from_monday = self.week_mode & 1 == 1;
            let into_week = if from_monday { weekday - 1 } else { weekday % 7 };
            let mode = self.week_mode | 2;
            // A day that is surely in week 2, and from there to the day that is asked for.
            let second = NaiveDate::from_ymd_opt(year, 1, 10)?;
            let (second_week, _) = calendar::week(second, mode);
            let weekday_of_second = second.weekday();
            let into_second = i64::from(if from_monday {
                weekday_of_second.num_days_from_monday()
            } else {
                weekday_of_second.num_days_from_sunday()
            });
            let days = (i64::from(week) - i64::from(second_week)) * 7 + i64::from(into_week) - into_second;
            return second.checked_add_signed(TimeDelta::days(days));
        }
        NaiveDate::from_ymd_opt(year, self.month, self.day)
    }

    fn time(&self) -> Option<TimeDelta> {
        let hour = match (self.twelve_hours, self.half) {
            (true, half) => self.hour % 12 + if half == Some(true) { 12 } else { 0 },
            (false, None) => self.hour,
            (false, Some(_)) => return None,
        };
        if hour > 23 || self.minute > 59 || self.second > 59 {
            return None;
        }
        let seconds = (hour * 60 + self.minute) * 60 + self.second;
        Some(TimeDelta::seconds(seconds.into()) + TimeDelta::microseconds(self.micro.into()))
    }
}

fn str_to_date(call: &Invocation<'_>) -> Result<Value> {
    let (Some(text), Some(format)) = (call.text(0), call.text(1)) else { return Ok(Value::Null) };
    let result = call.call.result().data_type;
    let read = read_format(&text, &format).and_then(|(fields, rest)| {
        let time = fields.time()?;
        let read = match result {
            DataType::Time(_) => Value::Time(time),
            DataType::Date => Value::Date(fields.day()?),
            _ => Value::DateTime(temporal::midnight(fields.day()?).checked_add_signed(time)?),
        };
        Some((read, rest))
    });
    let Some((read, rest)) = read else {
        call.context.warnings.push(Level::Warning, 1411, || {
            format!("Incorrect datetime value: '{text}' for function str_to_date")
        });
        return Ok(Value::Null);
    };
    if !rest.trim().is_empty() {
        let kind = match read {
            Value::Date(_) => "date",
            Value::Time(_) => "time",
            _ => "datetime",
        };
        call.context.warnings.truncated(Level::Warning, kind, &text);
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(moment: &str, format: &str) -> String {
        let moment = temporal::parse_datetime_exact(moment).unwrap();
        let mut text = String::new();
        write_format(&mut text, format, Day::Known(moment.date()), temporal::time_of_day(moment)).unwrap();
        text
    }

    #[test]
    fn every_specifier_is_written() {
        let written = format(
            "2024-01-31 09:08:07.123456",
            "%Y %y %m %c %d %e %H %h %I %i %s %S %f %p %r %T %W %a %w %M %b %j %D %k %l %U %u %V %v %X %x %% %q",
        );
        assert_eq!(
            written,
            "2024 24 01 1 31 31 09 09 09 08 07 07 123456 AM 09:08:07 AM 09:08:07 Wednesday Wed 3 January Jan 031 \
             31st 9 9 04 05 04 05 2024 2024 % q"
        );
    }

    #[test]
    fn texts_are_read_by_a_format() {
        let day = |text: &str, format: &str| read_format(text, format).and_then(|(fields, _)| fields.day());
        let expected = NaiveDate::from_ymd_opt(2024, 1, 31);
        assert_eq!(day("31.01.2024", "%d.%m.%Y"), expected);
        assert_eq!(day("January 31 2024", "%M %e %Y"), expected);
        assert_eq!(day("2024 031", "%Y %j"), expected);
        assert_eq!(day("2024 5 3", "%X %V %w"), NaiveDate::from_ymd_opt(2024, 2, 7));
        assert_eq!(day("2024-13-01", "%Y-%m-%d"), None);
        let time = |text: &str, format: &str| read_format(text, format).and_then(|(fields, _)| fields.time());
        assert_eq!(time("10 PM", "%h %p"), Some(TimeDelta::hours(22)));
        assert_eq!(time("13", "%h"), None);
    }
}
