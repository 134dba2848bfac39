//! Moments, days and spans of time: made of numbers, turned into them, and written.
//!
//! Days that no calendar has, such as `0000-00-00` or `2024-02-00`, which MariaDB stores on request, do not exist here.

use std::fmt;

use bigdecimal::{BigDecimal, num_bigint::BigInt};
use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike};

mod text;

pub use text::{
    ParsedTime, SHORTEST_MOMENT, fraction_digits, has_time_of_day, names_moment, parse_datetime,
    parse_datetime_exact, parse_time, read_time,
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

/// A number's whole part and its millionths, cut; None beyond BIGINT.
pub fn split_number(number: &BigDecimal) -> Option<(i64, u32)> {
    let whole = super::decimal::to_whole(number, bigdecimal::RoundingMode::Down);
    let fraction = (number - &whole).abs().with_scale_round(6, bigdecimal::RoundingMode::Down);
    let (digits, _) = fraction.into_bigint_and_scale();
    let (whole, _) = whole.into_bigint_and_scale();
    Some((i64::try_from(whole).ok()?, u32::try_from(digits).ok()?))
}
