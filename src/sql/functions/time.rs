//! The time now, and the parts of moments, days and spans.

use bigdecimal::num_bigint::Sign;
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, TimeDelta, Timelike};

use super::{Argument, Function, Invocation, calendar, interval::Unit};
use crate::{
    error::Result,
    sql::types::{
        Class, DataType, ExprType, Level, Value, convert, decimal,
        temporal::{self, MAX_FRACTION_DIGITS, cut_datetime, cut_time},
    },
};

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("now", (0, 1), infer_now, now).in_grammar().per_statement(),
    Function::new("current_timestamp", (0, 1), infer_now, now).in_grammar().per_statement(),
    Function::new("localtime", (0, 1), infer_now, now).in_grammar().per_statement(),
    Function::new("localtimestamp", (0, 1), infer_now, now).in_grammar().per_statement(),
    Function::new("sysdate", (0, 1), infer_now, now).in_grammar().per_statement(),
    Function::new("utc_timestamp", (0, 1), infer_now, utc_now).in_grammar().per_statement(),
    Function::new("curdate", (0, 0), |_| ExprType::new(DataType::Date), today).in_grammar().per_statement(),
    Function::new("current_date", (0, 0), |_| ExprType::new(DataType::Date), today)
        .in_grammar()
        .per_statement(),
    Function::new("utc_date", (0, 0), |_| ExprType::new(DataType::Date), utc_today)
        .in_grammar()
        .per_statement(),
    Function::new("curtime", (0, 1), infer_clock, clock).in_grammar().per_statement(),
    Function::new("current_time", (0, 1), infer_clock, clock).in_grammar().per_statement(),
    Function::new("utc_time", (0, 1), infer_clock, utc_clock).in_grammar().per_statement(),
    Function::new("date", (1, 1), infer_date, |call| value(call.date(0), Value::Date)).in_grammar(),
    Function::new("time", (1, 1), infer_time, time).in_grammar(),
    Function::new("year", (1, 1), |args| part_type(args, 4), |call| day_part(call, |day| day.year().into()))
        .in_grammar(),
    Function::new(
        "month",
        (1, 1),
        |args| part_type(args, 2),
        |call| day_part(call, |day| day.month().into()),
    )
    .in_grammar(),
    Function::new("day", (1, 1), |args| part_type(args, 2), |call| day_part(call, |day| day.day().into()))
        .in_grammar(),
    Function::new(
        "dayofmonth",
        (1, 1),
        |args| part_type(args, 2),
        |call| day_part(call, |day| day.day().into()),
    ),
    Function::new(
        "dayofweek",
        (1, 1),
        |args| part_type(args, 1),
        |call| day_part(call, |day| i64::from(day.weekday().num_days_from_sunday()) + 1),
    ),
    Function::new(
        "weekday",
        (1, 1),
        |args| part_type(args, 1),
        |call| day_part(call, |day| day.weekday().num_days_from_monday().into()),
    ),
    Function::new(
        "dayofyear",
        (1, 1),
        |args| part_type(args, 3),
        |call| day_part(call, |day| day.ordinal().into()),
    ),
    Function::new(
        "quarter",
        (1, 1),
        |args| part_type(args, 2),
        |call| day_part(call, |day| i64::from(day.month0() / 3) + 1),
    )
    .in_grammar(),
    Function::new(
        "hour",
        (1, 1),
        |args| part_type(args, 2),
        |call| time_part(call, |micros| micros / 3_600_000_000),
    )
    .in_grammar(),
    Function::new(
        "minute",
        (1, 1),
        |args| part_type(args, 2),
        |call| time_part(call, |micros| micros / 60_000_000 % 60),
    )
    .in_grammar(),
    Function::new(
        "second",
        (1, 1),
        |args| part_type(args, 2),
        |call| time_part(call, |micros| micros / 1_000_000 % 60),
    )
    .in_grammar(),
    Function::new(
        "microsecond",
        (1, 1),
        |args| part_type(args, 6),
        |call| time_part(call, |micros| micros % 1_000_000),
    )
    .in_grammar(),
    Function::new("week", (1, 2), |args| part_type(args, 2), week).in_grammar(),
    Function::new(
        "weekofyear",
        (1, 1),
        |args| part_type(args, 2),
        |call| day_part(call, |day| calendar::week(day, 3).0.into()),
    ),
    Function::new("yearweek", (1, 2), |args| part_type(args, 6), yearweek),
    Function::new(
        "dayname",
        (1, 1),
        |_| ExprType::text(9).nullable(true),
        |call| value(call.date(0), |day| Value::text(calendar::weekday_name(day))),
    ),
    Function::new(
        "monthname",
        (1, 1),
        |_| ExprType::text(9).nullable(true),
        |call| value(call.date(0), |day| Value::text(calendar::month_name(day))),
    ),
    Function::new("last_day", (1, 1), infer_date, |call| {
        value(call.date(0).and_then(calendar::last_of_month), Value::Date)
    }),
    Function::new("to_days", (1, 1), |args| part_type(args, 6), |call| day_part(call, calendar::day_number)),
    Function::new("to_seconds", (1, 1), |_| ExprType::bigint(12, false).nullable(true), to_seconds),
    Function::new("from_days", (1, 1), infer_date, |call| {
        let number = call.integer(0).and_then(|number| i64::try_from(number).ok());
        value(number.and_then(calendar::day_of_number), Value::Date)
    }),
    Function::new("unix_timestamp", (0, 1), infer_unix_timestamp, unix_timestamp).per_statement(),
    Function::new("from_unixtime", (1, 2), infer_from_unixtime, from_unixtime).numeric().per_statement(),
    Function::new("time_to_sec", (1, 1), infer_time_to_sec, time_to_sec),
    Function::new("sec_to_time", (1, 1), infer_sec_to_time, sec_to_time).numeric(),
    Function::new("extract", (2, 2), infer_extract, extract),
    Function::new("makedate", (2, 2), infer_date, make_date),
    Function::new("maketime", (3, 3), infer_maketime, make_time),
];

/// A value, or NULL.
pub(super) fn value<T>(optional: Option<T>, wrap: impl FnOnce(T) -> Value) -> Result<Value> {
    Ok(optional.map_or(Value::Null, wrap))
}

/// Digits of a second that an argument has where it counts as a moment.
pub(super) fn fraction_of(arg: &Argument) -> u8 {
    fraction(arg, temporal::names_moment)
}

/// Digits of a second that an argument has where it counts as a span.
pub(super) fn fraction_of_span(arg: &Argument) -> u8 {
    fraction(arg, |text| temporal::read_time(text).is_some())
}

/// Digits of a second that an amount of time in ADDTIME has.
pub(super) fn fraction_of_amount(arg: &Argument) -> u8 {
    if arg.expr_type.data_type == DataType::Null { MAX_FRACTION_DIGITS } else { fraction(arg, is_span) }
}

/// Digits of a second that an argument has; all there are for a text that is not known or not `usable`.
fn fraction(arg: &Argument, usable: fn(&str) -> bool) -> u8 {
    let expr_type = &arg.expr_type;
    match &arg.constant {
        Some(Value::Text(text)) if usable(text) => temporal::fraction_digits(text),
        _ => expr_type.decimals.min(MAX_FRACTION_DIGITS),
    }
}

/// The digits of a second that a constant argument asks for.
fn fsp_arg(args: &[Argument]) -> u8 {
    match args.first().and_then(|arg| arg.constant.as_ref()) {
        Some(Value::Int(fsp)) => u8::try_from(*fsp).unwrap_or(MAX_FRACTION_DIGITS).min(MAX_FRACTION_DIGITS),
        _ => 0,
    }
}

fn infer_now(args: &[Argument]) -> ExprType {
    ExprType::new(DataType::DateTime(fsp_arg(args)))
}

fn infer_clock(args: &[Argument]) -> ExprType {
    ExprType::new(DataType::Time(fsp_arg(args)))
}

fn now(call: &Invocation<'_>) -> Result<Value> {
    Ok(Value::DateTime(cut_datetime(call.context.local_now(), call.call.result().decimals)))
}

fn utc_now(call: &Invocation<'_>) -> Result<Value> {
    Ok(Value::DateTime(cut_datetime(call.context.now.naive_utc(), call.call.result().decimals)))
}

fn today(call: &Invocation<'_>) -> Result<Value> {
    Ok(Value::Date(call.context.local_now().date()))
}

fn utc_today(call: &Invocation<'_>) -> Result<Value> {
    Ok(Value::Date(call.context.now.naive_utc().date()))
}

fn clock(call: &Invocation<'_>) -> Result<Value> {
    Ok(Value::Time(cut_time(temporal::time_of_day(call.context.local_now()), call.call.result().decimals)))
}

fn utc_clock(call: &Invocation<'_>) -> Result<Value> {
    Ok(Value::Time(cut_time(
        temporal::time_of_day(call.context.now.naive_utc()),
        call.call.result().decimals,
    )))
}

fn infer_date(_: &[Argument]) -> ExprType {
    ExprType::new(DataType::Date).nullable(true)
}

fn infer_time(args: &[Argument]) -> ExprType {
    ExprType::new(DataType::Time(fraction_of_span(&args[0]))).nullable(true)
}

fn time(call: &Invocation<'_>) -> Result<Value> {
    let fsp = call.call.result().decimals;
    value(call.time(0), |time| Value::Time(cut_time(time, fsp)))
}

fn part_type(_: &[Argument], length: u32) -> ExprType {
    ExprType::int(length).nullable(true)
}

fn day_part(call: &Invocation<'_>, part: fn(NaiveDate) -> i64) -> Result<Value> {
    value(call.date(0), |day| Value::Int(part(day)))
}

/// A part of a span, whatever its sign.
fn time_part(call: &Invocation<'_>, part: fn(i64) -> i64) -> Result<Value> {
    value(call.time(0), |time| Value::Int(part(temporal::micros(time).abs())))
}

/// A mode of WEEK; 0 where none is given.
fn week_mode(call: &Invocation<'_>) -> u32 {
    let mode = if call.count() == 2 { call.integer(1) } else { None };
    mode.and_then(|mode| u32::try_from(mode & 7).ok()).unwrap_or(0)
}

fn week(call: &Invocation<'_>) -> Result<Value> {
    value(call.date(0), |day| Value::Int(calendar::week(day, week_mode(call)).0.into()))
}

fn yearweek(call: &Invocation<'_>) -> Result<Value> {
    value(call.date(0), |day| {
        let (week, year) = calendar::week(day, week_mode(call) | 2);
        Value::Int(i64::from(year) * 100 + i64::from(week))
    })
}

fn to_seconds(call: &Invocation<'_>) -> Result<Value> {
    value(call.datetime(0), |moment| {
        let seconds = i64::from(moment.num_seconds_from_midnight());
        Value::Int(calendar::day_number(moment.date()) * 86_400 + seconds)
    })
}

fn infer_unix_timestamp(args: &[Argument]) -> ExprType {
    let fsp = args.first().map_or(0, fraction_of);
    match fsp {
        0 => ExprType::bigint(17, false),
        fsp => ExprType::decimal(11 + u32::from(fsp), fsp),
    }
    .nullable(true)
}

/// Greatest moment of a TIMESTAMP, in seconds since 1970.
pub(super) const MAX_TIMESTAMP: i64 = 0x7fff_ffff;

fn unix_timestamp(call: &Invocation<'_>) -> Result<Value> {
    if call.count() == 0 {
        return Ok(Value::Int(call.context.now.timestamp()));
    }
    let moment =
        call.datetime(0).and_then(|moment| moment.and_local_timezone(call.context.time_zone).single());
    let Some(moment) = moment.filter(|moment| (0..=MAX_TIMESTAMP).contains(&moment.timestamp())) else {
        return Ok(Value::Null);
    };
    Ok(match call.call.result().data_type {
        DataType::Decimal { .. } => {
            let micros = i64::from(moment.timestamp_subsec_micros());
            Value::decimal(temporal::with_fraction(moment.timestamp(), micros))
        }
        _ => Value::Int(moment.timestamp()),
    })
}

fn infer_from_unixtime(args: &[Argument]) -> ExprType {
    if args.len() == 2 {
        return super::time_format::infer_format(args);
    }
    let arg = &args[0].expr_type;
    let fsp = arg.decimals.min(MAX_FRACTION_DIGITS);
    ExprType::new(DataType::DateTime(fsp)).nullable(true)
}

fn from_unixtime(call: &Invocation<'_>) -> Result<Value> {
    let Some(number) = call.decimal(0) else { return Ok(Value::Null) };
    let split = temporal::split_number(&number).filter(|(seconds, _)| (0..=MAX_TIMESTAMP).contains(seconds));
    let Some((seconds, micro)) = split.filter(|_| number.sign() != Sign::Minus) else {
        if number.sign() != Sign::Minus {
            call.context.warnings.truncated(Level::Warning, "unixtime", number.to_plain_string());
        }
        return Ok(Value::Null);
    };
    let moment = DateTime::from_timestamp(seconds, micro * 1_000)
        .map(|moment| moment.with_timezone(&call.context.time_zone).naive_local());
    let Some(moment) = moment else { return Ok(Value::Null) };
    if call.count() == 2 {
        return super::time_format::format_moment(call, moment);
    }
    Ok(Value::DateTime(cut_datetime(moment, call.call.result().decimals)))
}

fn infer_time_to_sec(args: &[Argument]) -> ExprType {
    match fraction_of_span(&args[0]) {
        0 => ExprType::bigint(17, false),
        fsp => ExprType::decimal(10 + u32::from(fsp), fsp),
    }
    .nullable(true)
}

fn time_to_sec(call: &Invocation<'_>) -> Result<Value> {
    value(call.time(0), |time| {
        let micros = temporal::micros(time);
        match call.call.result().data_type {
            DataType::Decimal { .. } => {
                Value::decimal(temporal::with_fraction(micros / 1_000_000, micros % 1_000_000))
            }
            _ => Value::Int(micros / 1_000_000),
        }
    })
}

fn infer_sec_to_time(args: &[Argument]) -> ExprType {
    let arg = &args[0].expr_type;
    let fsp = arg.decimals.min(MAX_FRACTION_DIGITS);
    ExprType::new(DataType::Time(fsp)).nullable(true)
}

fn sec_to_time(call: &Invocation<'_>) -> Result<Value> {
    let Some(number) = call.decimal(0) else { return Ok(Value::Null) };
    let seconds = decimal::round(&number, i64::from(MAX_FRACTION_DIGITS));
    let micros = decimal::to_integer(&(&seconds * &bigdecimal::BigDecimal::from(1_000_000)));
    let span = micros.and_then(|micros| i64::try_from(micros).ok()).map(TimeDelta::microseconds);
    let negative = number.sign() == Sign::Minus;
    let (time, clamped) = span.map_or((temporal::max_time(negative), true), temporal::clamp_time);
    if clamped {
        call.context.warnings.truncated(Level::Warning, "seconds", number.to_plain_string());
    }
    Ok(Value::Time(cut_time(time, call.call.result().decimals)))
}

fn infer_extract(args: &[Argument]) -> ExprType {
    let length = unit(args).map_or(0, Unit::extract_length);
    // Texts and numbers may have more than 24 hours.
    let length = length - u32::from(args[1].expr_type.data_type.class() == Class::Temporal);
    ExprType::integer(length, false).nullable(true)
}

/// The unit that the first argument names.
fn unit(args: &[Argument]) -> Option<Unit> {
    match args.first()?.constant.as_ref()? {
        Value::Text(name) => Unit::parse(name),
        _ => None,
    }
}

fn extract(call: &Invocation<'_>) -> Result<Value> {
    let Some(unit) = call.text(0).and_then(|name| Unit::parse(&name)) else { return Ok(Value::Null) };
    let of_moment = |moment: NaiveDateTime| Some((Some(moment.date()), temporal::time_of_day(moment)));
    let parts = match call.value(1) {
        Value::DateTime(moment) => of_moment(*moment),
        Value::Date(day) => of_moment(temporal::midnight(*day)),
        Value::Time(time) => Some((None, *time)),
        _ if unit.is_of_days() => call.datetime(1).and_then(of_moment),
        Value::Text(text) if !is_span(text) && temporal::names_moment(text) => {
            call.datetime(1).and_then(of_moment)
        }
        Value::Int(10_000_000_000..) => call.datetime(1).and_then(of_moment),
        Value::Int(number) => temporal::unbounded_time(*number).map(|time| (None, time)),
        _ => call.time(1).map(|time| (None, time)),
    };
    value(parts, |(day, time)| Value::Int(unit.extract(day, time)))
}

/// Whether a text is a span, and nothing else.
fn is_span(text: &str) -> bool {
    text.len() < temporal::SHORTEST_MOMENT
        && temporal::read_time(text).is_some_and(|parsed| !parsed.truncated)
}

fn make_date(call: &Invocation<'_>) -> Result<Value> {
    let (Some(year), Some(number)) = (call.integer(0), call.integer(1)) else { return Ok(Value::Null) };
    let day = u32::try_from(year)
        .ok()
        .and_then(|year| i32::try_from(temporal::full_year(year)).ok())
        .filter(|year| (0..=9999).contains(year))
        .and_then(|year| NaiveDate::from_yo_opt(year, 1))
        .zip(i64::try_from(number - 1).ok().filter(|days| (0..4_000_000).contains(days)))
        .and_then(|(first, days)| first.checked_add_signed(TimeDelta::days(days)))
        .filter(|day| temporal::in_range(*day));
    value(day, Value::Date)
}

fn infer_maketime(args: &[Argument]) -> ExprType {
    ExprType::new(DataType::Time(args[2].expr_type.decimals.min(MAX_FRACTION_DIGITS))).nullable(true)
}

fn make_time(call: &Invocation<'_>) -> Result<Value> {
    let (Some(hours), Some(minutes), Some(seconds)) = (call.integer(0), call.integer(1), call.decimal(2))
    else {
        return Ok(Value::Null);
    };
    let split = temporal::split_number(&seconds).filter(|_| seconds.sign() != Sign::Minus);
    let Some((whole, micro)) = split.filter(|(whole, _)| *whole < 60 && (0..60).contains(&minutes)) else {
        return Ok(Value::Null);
    };
    let total = (hours.abs() * 60 + minutes) * 60 + i128::from(whole);
    let micros = i64::try_from(total)
        .ok()
        .and_then(|total| total.checked_mul(1_000_000))
        .map(|micros| micros + i64::from(micro));
    let span = TimeDelta::microseconds(micros.unwrap_or(i64::MAX));
    let (time, clamped) = temporal::clamp_time(if hours < 0 { -span } else { span });
    if clamped {
        let text = format!("{hours}:{minutes:02}:{whole:02}");
        call.context.warnings.truncated(Level::Warning, "time", text);
    }
    Ok(Value::Time(cut_time(time, call.call.result().decimals)))
}

/// A number as an integer value that fits BIGINT; NULL if it does not.
pub(super) fn bigint(number: i128) -> Value {
    convert::integer_value(number, false).unwrap_or(Value::Null)
}
