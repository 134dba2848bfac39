//! Moments and spans moved, and the distances between them.

use chrono::{Datelike, FixedOffset, NaiveDateTime, TimeDelta};

use super::{
    Argument, Function, Invocation, calendar,
    call::any_nullable,
    interval::{Interval, Unit},
    time::{MAX_TIMESTAMP, bigint, fraction_of, fraction_of_amount, fraction_of_span, value},
};
use crate::{
    error::Result,
    sql::types::{
        Class, DataType, ExprType, Level, Value,
        temporal::{self, MAX_FRACTION_DIGITS, cut_datetime, cut_time},
    },
};

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new(
        "date_add",
        (3, 3),
        |args| infer_move(&args[0], &args[1], &args[2]),
        |call| move_by(call, 0, interval(call, 1, 2), false),
    ),
    Function::new(
        "date_sub",
        (3, 3),
        |args| infer_move(&args[0], &args[1], &args[2]),
        |call| move_by(call, 0, interval(call, 1, 2), true),
    ),
    Function::new("adddate", (2, 3), infer_move_days, |call| move_days(call, false)),
    Function::new("subdate", (2, 3), infer_move_days, |call| move_days(call, true)),
    Function::new(
        "timestampadd",
        (3, 3),
        |args| infer_move(&args[2], &args[1], &args[0]),
        |call| move_by(call, 2, interval(call, 1, 0), false),
    )
    .in_grammar(),
    Function::new("timestampdiff", (3, 3), |_| ExprType::bigint(21, false).nullable(true), timestampdiff)
        .in_grammar(),
    Function::new("datediff", (2, 2), |_| ExprType::int(7).nullable(true), datediff),
    Function::new("timediff", (2, 2), infer_timediff, timediff),
    Function::new("addtime", (2, 2), infer_addtime, |call| addtime(call, false)),
    Function::new("subtime", (2, 2), infer_addtime, |call| addtime(call, true)),
    Function::new("timestamp", (1, 2), infer_timestamp, timestamp).in_grammar(),
    Function::new("convert_tz", (3, 3), infer_convert_tz, convert_tz),
    Function::new("period_add", (2, 2), |args| ExprType::int(6).nullable(any_nullable(args)), period_add),
    Function::new("period_diff", (2, 2), |args| ExprType::int(6).nullable(any_nullable(args)), period_diff),
];

/// Characters of the longest moment as text.
const DATETIME_LENGTH: u32 = 19;

/// The unit that a constant argument names.
fn constant_unit(arg: &Argument) -> Option<Unit> {
    match &arg.constant {
        Some(Value::Text(name)) => Unit::parse(name),
        _ => None,
    }
}

fn infer_move(moment: &Argument, amount: &Argument, unit: &Argument) -> ExprType {
    let Some(unit) = constant_unit(unit) else { return ExprType::new(DataType::Null) };
    let added = match unit {
        Unit::Second => match amount.expr_type.data_type.class() {
            _ if amount.expr_type.data_type == DataType::Null => 0,
            Class::String | Class::Double => MAX_FRACTION_DIGITS,
            _ => amount.expr_type.decimals.min(MAX_FRACTION_DIGITS),
        },
        unit if unit.has_microseconds() => MAX_FRACTION_DIGITS,
        _ => 0,
    };
    infer_moved(moment, unit, added)
}

/// ADDDATE and SUBDATE: as DATE_ADD, or with a number of days.
fn infer_move_days(args: &[Argument]) -> ExprType {
    match args {
        [moment, amount, unit] => infer_move(moment, amount, unit),
        args => infer_moved(&args[0], Unit::Day, 0),
    }
}

fn move_days(call: &Invocation<'_>, backwards: bool) -> Result<Value> {
    let interval = if call.count() == 3 { interval(call, 1, 2) } else { days(call, 1) };
    move_by(call, 0, interval, backwards)
}

/// The type of a moment moved by a unit with so many digits of a second: texts and numbers stay texts.
fn infer_moved(moment: &Argument, unit: Unit, added: u8) -> ExprType {
    let fsp = fraction_of(moment).max(added);
    match moment.expr_type.data_type {
        DataType::Date if unit.is_whole_days() => ExprType::new(DataType::Date),
        DataType::Time(_) if unit == Unit::Day || !unit.is_whole_days() => ExprType::new(DataType::Time(fsp)),
        DataType::Date | DataType::Time(_) | DataType::DateTime(_) | DataType::Timestamp(_) => {
            ExprType::new(DataType::DateTime(fsp))
        }
        _ => {
            let fraction = if fsp == 0 { 0 } else { u32::from(fsp) + 1 };
            ExprType { decimals: fsp, ..ExprType::new(DataType::Char(DATETIME_LENGTH + fraction)) }
        }
    }
    .nullable(true)
}

/// The interval of an amount and a unit; None for NULL and for what is no interval.
fn interval(call: &Invocation<'_>, amount: usize, unit: usize) -> Option<Interval> {
    match Unit::parse(&call.text(unit)?)? {
        Unit::Compound(compound) => Interval::parse(compound, &call.text(amount)?),
        Unit::Second => {
            let seconds = call.decimal(amount)?;
            let (whole, micro) = temporal::split_number(&seconds)?;
            let micro = i64::from(micro);
            let negative = seconds.sign() == bigdecimal::num_bigint::Sign::Minus;
            Interval::new(Unit::Second, whole, if negative { -micro } else { micro })
        }
        unit => {
            let count = i64::try_from(call.integer(amount)?).unwrap_or(i64::MAX);
            Interval::new(unit, count, 0).or_else(|| {
                overflow(call, "datetime");
                None
            })
        }
    }
}

fn days(call: &Invocation<'_>, amount: usize) -> Option<Interval> {
    Interval::new(Unit::Day, i64::try_from(call.integer(amount)?).ok()?, 0)
}

/// 1441: the result is beyond the calendar, or beyond TIME.
fn overflow(call: &Invocation<'_>, kind: &str) {
    call.context.warnings.push(Level::Warning, 1441, || format!("Datetime function: {kind} field overflow"));
}

fn move_by(
    call: &Invocation<'_>,
    moment: usize,
    interval: Option<Interval>,
    backwards: bool,
) -> Result<Value> {
    let Some(interval) = interval else { return Ok(Value::Null) };
    let interval = if backwards { interval.negated() } else { interval };
    let result = call.call.result();
    if let (Value::Time(time), DataType::Time(fsp)) = (call.value(moment), result.data_type) {
        let moved = interval.add_to_time(*time);
        if moved.is_none() {
            overflow(call, "time");
        }
        return value(moved, |time| Value::Time(cut_time(time, fsp)));
    }
    if let Value::Time(_) = call.value(moment) {
        // A span has no day that could be moved by months.
        overflow(call, "datetime");
        return Ok(Value::Null);
    }
    let Some(start) = call.datetime(moment) else { return Ok(Value::Null) };
    let Some(moved) = interval.add_to(start) else {
        overflow(call, "datetime");
        return Ok(Value::Null);
    };
    Ok(match result.data_type {
        DataType::Date => Value::Date(moved.date()),
        DataType::DateTime(fsp) => Value::DateTime(cut_datetime(moved, fsp)),
        _ => {
            let has_time = match call.value(moment) {
                Value::Text(text) => temporal::has_time_of_day(text),
                Value::Bytes(_) => true,
                number => call.context.converter().integer(number).is_some_and(|number| number > 99_991_231),
            };
            let mut text = String::new();
            // Writing to a String does not fail.
            let _ = if has_time || interval_is_within_day(call, moment) {
                temporal::write_datetime(&mut text, moved, result.decimals)
            } else {
                temporal::write_date(&mut text, moved.date())
            };
            Value::text(text)
        }
    })
}

/// Whether the unit gives a day a time of day.
fn interval_is_within_day(call: &Invocation<'_>, moment: usize) -> bool {
    let unit = match (call.count(), moment) {
        (3, 0) => call.text(2),
        (3, _) => call.text(0),
        _ => None,
    };
    unit.and_then(|name| Unit::parse(&name)).is_some_and(|unit| !unit.is_whole_days())
}

fn timestampdiff(call: &Invocation<'_>) -> Result<Value> {
    let Some(unit) = call.text(0).and_then(|name| Unit::parse(&name)) else { return Ok(Value::Null) };
    let (Some(from), Some(to)) = (call.datetime(1), call.datetime(2)) else { return Ok(Value::Null) };
    let micros = (to - from).num_microseconds().map_or(i128::from(i64::MAX), i128::from);
    const SECOND: i128 = 1_000_000;
    let difference = match unit {
        Unit::Microsecond => micros,
        Unit::Second => micros / SECOND,
        Unit::Minute => micros / (60 * SECOND),
        Unit::Hour => micros / (3600 * SECOND),
        Unit::Day => micros / (86_400 * SECOND),
        Unit::Week => micros / (7 * 86_400 * SECOND),
        Unit::Month => months_between(from, to),
        Unit::Quarter => months_between(from, to) / 3,
        Unit::Year => months_between(from, to) / 12,
        Unit::Compound(_) => return Ok(Value::Null),
    };
    Ok(bigint(difference))
}

/// Whole months from one moment to another, negative backwards.
fn months_between(from: NaiveDateTime, to: NaiveDateTime) -> i128 {
    if from > to {
        return -months_between(to, from);
    }
    let months = (i128::from(to.year()) - i128::from(from.year())) * 12 + i128::from(to.month())
        - i128::from(from.month());
    let into_month = |moment: NaiveDateTime| (moment.day(), moment.time());
    if into_month(to) < into_month(from) { months - 1 } else { months }
}

fn datediff(call: &Invocation<'_>) -> Result<Value> {
    let (Some(a), Some(b)) = (call.date(0), call.date(1)) else { return Ok(Value::Null) };
    Ok(Value::Int(calendar::day_number(a) - calendar::day_number(b)))
}

fn infer_timediff(args: &[Argument]) -> ExprType {
    let fsp = fraction_of_span(&args[0]).max(fraction_of_span(&args[1]));
    ExprType::new(DataType::Time(fsp)).nullable(true)
}

/// What an argument is to TIMEDIFF and ADDTIME.
enum Point {
    Day(NaiveDateTime),
    Moment(NaiveDateTime),
    Span(TimeDelta),
}

/// An argument as a moment if it is one, else as a span.
fn point(call: &Invocation<'_>, index: usize) -> Option<Point> {
    match call.value(index) {
        Value::DateTime(moment) => Some(Point::Moment(*moment)),
        Value::Date(day) => Some(Point::Day(temporal::midnight(*day))),
        Value::Text(text)
            if text.len() >= temporal::SHORTEST_MOMENT && temporal::parse_datetime_exact(text).is_some() =>
        {
            temporal::parse_datetime_exact(text).map(Point::Moment)
        }
        // Numbers too large for a span.
        Value::Int(10_000_000..=99_999_999) => call.datetime(index).map(Point::Day),
        Value::Int(100_000_000..) => call.datetime(index).map(Point::Moment),
        _ => call.time(index).map(Point::Span),
    }
}

fn timediff(call: &Invocation<'_>) -> Result<Value> {
    let difference = match (point(call, 0), point(call, 1)) {
        (Some(Point::Moment(a)), Some(Point::Moment(b))) | (Some(Point::Day(a)), Some(Point::Day(b))) => {
            a - b
        }
        (Some(Point::Span(a)), Some(Point::Span(b))) => a - b,
        _ => return Ok(Value::Null),
    };
    let (time, clamped) = temporal::clamp_time(difference);
    if clamped {
        let mut text = String::new();
        // Writing to a String does not fail.
        let _ = temporal::write_time(&mut text, difference, 0);
        call.context.warnings.truncated(Level::Warning, "time", text);
    }
    Ok(Value::Time(cut_time(time, call.call.result().decimals)))
}

fn infer_addtime(args: &[Argument]) -> ExprType {
    let fsp = args[0].expr_type.decimals.max(fraction_of_amount(&args[1]));
    match args[0].expr_type.data_type {
        DataType::Time(_) => ExprType::new(DataType::Time(fsp)),
        DataType::Date | DataType::DateTime(_) | DataType::Timestamp(_) => {
            ExprType::new(DataType::DateTime(fsp))
        }
        _ => ExprType::new(DataType::Char(DATETIME_LENGTH + 7)),
    }
    .nullable(true)
}

/// An argument as a span; None for a moment, a day, and a text that says more than a span.
fn span(call: &Invocation<'_>, index: usize) -> Option<TimeDelta> {
    match call.value(index) {
        Value::Date(_) | Value::DateTime(_) => None,
        Value::Text(text) => {
            let parsed = temporal::read_time(text).filter(|parsed| !parsed.truncated);
            if parsed.is_none() {
                call.context.warnings.incorrect("INTERVAL DAY TO SECOND", text);
            }
            parsed
                .filter(|_| text.len() < temporal::SHORTEST_MOMENT || !temporal::names_moment(text))
                .map(|parsed| parsed.time)
        }
        Value::Int(10_000_000_000..) => None,
        Value::Int(number) => temporal::unbounded_time(*number),
        _ => call.time(index),
    }
}

fn addtime(call: &Invocation<'_>, backwards: bool) -> Result<Value> {
    let (Some(start), Some(span)) = (point(call, 0), span(call, 1)) else { return Ok(Value::Null) };
    let span = if backwards { -span } else { span };
    let result = call.call.result();
    let moved = match start {
        Point::Moment(moment) | Point::Day(moment) => {
            match moment.checked_add_signed(span).filter(|moved| temporal::in_range(moved.date())) {
                Some(moved) => Value::DateTime(moved),
                None => {
                    overflow(call, "datetime");
                    return Ok(Value::Null);
                }
            }
        }
        Point::Span(time) => Value::Time(temporal::clamp_time(time + span).0),
    };
    // A text stays a text, with a fraction only where there is one.
    Ok(if result.data_type.is_text() { Value::text(moved.to_string()) } else { moved })
}

fn infer_timestamp(args: &[Argument]) -> ExprType {
    let fsp = args.iter().map(fraction_of).max().unwrap_or(0);
    ExprType::new(DataType::DateTime(fsp)).nullable(true)
}

/// The first argument as a moment, later by the second.
fn timestamp(call: &Invocation<'_>) -> Result<Value> {
    let span = if call.count() == 2 { call.time(1) } else { Some(TimeDelta::zero()) };
    let (Some(moment), Some(span)) = (call.datetime(0), span) else { return Ok(Value::Null) };
    value(moment.checked_add_signed(span), |moment| {
        Value::DateTime(cut_datetime(moment, call.call.result().decimals))
    })
}

fn infer_convert_tz(args: &[Argument]) -> ExprType {
    ExprType::new(DataType::DateTime(fraction_of(&args[0]))).nullable(true)
}

/// A time zone as sessions name it: an offset such as `+02:00`, or SYSTEM, which is UTC here.
pub fn parse_time_zone(name: &str) -> Option<FixedOffset> {
    /// Greatest offset, in seconds, as MariaDB allows it.
    const MAX_OFFSET: i32 = 13 * 3600;
    if name.eq_ignore_ascii_case("SYSTEM") {
        return FixedOffset::east_opt(0);
    }
    let (sign, rest) = match name.as_bytes().first()? {
        b'+' => (1, &name[1..]),
        b'-' => (-1, &name[1..]),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let number = |text: &str| {
        let is_number = (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<i32>().ok().filter(|_| is_number)
    };
    let (hours, minutes) = (number(hours)?, number(minutes).filter(|minutes| *minutes < 60)?);
    let seconds = sign * (hours * 60 + minutes) * 60;
    if !(-MAX_OFFSET + 60..=MAX_OFFSET).contains(&seconds) {
        return None;
    }
    FixedOffset::east_opt(seconds)
}

fn convert_tz(call: &Invocation<'_>) -> Result<Value> {
    let zones = [1, 2].map(|index| call.text(index).and_then(|name| parse_time_zone(&name)));
    let (Some(moment), [Some(from), Some(to)]) = (call.datetime(0), zones) else { return Ok(Value::Null) };
    let converted = moment.and_local_timezone(from).single().map(|instant| {
        // Beyond the range of TIMESTAMP nothing is converted.
        let is_timestamp = (1..=MAX_TIMESTAMP).contains(&instant.timestamp());
        if is_timestamp { instant.with_timezone(&to).naive_local() } else { moment }
    });
    value(converted, |moment| Value::DateTime(cut_datetime(moment, call.call.result().decimals)))
}

/// Months since the year 0 of a period such as 202401; two-digit years mean 1970 to 2069.
fn months_of_period(period: i128) -> i128 {
    if period == 0 {
        return 0;
    }
    let (year, month) = (period / 100, period % 100);
    let year = u32::try_from(year).map_or(year, |year| temporal::full_year(year).into());
    year * 12 + month - 1
}

fn period_add(call: &Invocation<'_>) -> Result<Value> {
    let (Some(period), Some(months)) = (call.integer(0), call.integer(1)) else { return Ok(Value::Null) };
    if period == 0 {
        return Ok(Value::Int(0));
    }
    let sum = months_of_period(period) + months;
    Ok(bigint(sum.div_euclid(12) * 100 + sum.rem_euclid(12) + 1))
}

fn period_diff(call: &Invocation<'_>) -> Result<Value> {
    let (Some(a), Some(b)) = (call.integer(0), call.integer(1)) else { return Ok(Value::Null) };
    Ok(bigint(months_of_period(a) - months_of_period(b)))
}
