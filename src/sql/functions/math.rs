//! Functions of numbers.

use std::f64::consts::{LN_2, PI};

use bigdecimal::{BigDecimal, RoundingMode};

use super::{
    Argument, Function, Invocation, Volatility,
    arithmetic::{finite, infer_remainder, is_unsigned, modulo, number_class},
    call::any_nullable,
    random::Random,
};
use crate::{
    error::{Error, Result},
    sql::types::{
        Class, DataType, ExprType, MAX_DECIMAL_SCALE, NOT_FIXED_DECIMALS, Value, convert, decimal, number,
        print::write_fixed, write_value,
    },
};

/// Statements cannot name it.
static AS_SHOWN: Function = Function::new("as_shown", (1, 1), |args| args[0].expr_type, round_to_scale);

/// The function that gives a DECIMAL as many digits as its type says.
pub fn as_shown() -> &'static Function {
    &AS_SHOWN
}

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("abs", (1, 1), infer_abs, abs).numeric(),
    Function::new("ceil", (1, 1), infer_whole, |call| whole(call, RoundingMode::Ceiling, f64::ceil))
        .numeric(),
    Function::new("ceiling", (1, 1), infer_whole, |call| whole(call, RoundingMode::Ceiling, f64::ceil))
        .numeric(),
    Function::new("floor", (1, 1), infer_whole, |call| whole(call, RoundingMode::Floor, f64::floor))
        .numeric(),
    Function::new("round", (1, 2), |args| infer_round(args, true), |call| round(call, true)).numeric(),
    Function::new("truncate", (2, 2), |args| infer_round(args, false), |call| round(call, false))
        .in_grammar()
        .numeric(),
    Function::new("mod", (2, 2), infer_remainder, modulo).in_grammar().numeric(),
    Function::new("pow", (2, 2), infer_partial, |call| two(call, f64::powf)).numeric(),
    Function::new("power", (2, 2), infer_partial, |call| two(call, f64::powf)).numeric(),
    Function::new("sqrt", (1, 1), infer_partial, sqrt).numeric(),
    Function::new("exp", (1, 1), infer_partial, |call| one(call, f64::exp)).numeric(),
    Function::new("ln", (1, 1), infer_partial, |call| logarithm(call, f64::ln)).numeric(),
    Function::new("log", (1, 2), infer_partial, log).numeric(),
    Function::new("log2", (1, 1), infer_partial, |call| logarithm(call, |x| x.ln() / LN_2)).numeric(),
    Function::new("log10", (1, 1), infer_partial, |call| logarithm(call, f64::log10)).numeric(),
    Function::new("sign", (1, 1), |args| ExprType::int(2).nullable(any_nullable(args)), sign).numeric(),
    Function::new(
        "pi",
        (0, 0),
        |_| ExprType { length: 8, ..ExprType::fixed_double(6) },
        |_| Ok(Value::Double(PI)),
    ),
    Function::new("sin", (1, 1), infer_partial, |call| one(call, f64::sin)).numeric(),
    Function::new("cos", (1, 1), infer_partial, |call| one(call, f64::cos)).numeric(),
    Function::new("tan", (1, 1), infer_partial, |call| one(call, f64::tan)).numeric(),
    Function::new("cot", (1, 1), infer_partial, |call| one(call, |x| 1.0 / x.tan())).numeric(),
    Function::new("asin", (1, 1), infer_partial, |call| arc(call, f64::asin)).numeric(),
    Function::new("acos", (1, 1), infer_partial, |call| arc(call, f64::acos)).numeric(),
    Function::new("atan", (1, 2), infer_partial, atan).numeric(),
    Function::new("atan2", (1, 2), infer_partial, atan).numeric(),
    Function::new("degrees", (1, 1), infer_double, |call| one(call, |x| x * (180.0 / PI))).numeric(),
    Function::new("radians", (1, 1), infer_double, |call| one(call, |x| x * (PI / 180.0))).numeric(),
    Function::new("format", (2, 3), infer_format, format).numeric(),
    RAND,
];

const RAND: Function =
    Function { volatility: Volatility::Row, ..Function::new("rand", (0, 1), infer_double, rand) };

fn infer_double(args: &[Argument]) -> ExprType {
    ExprType::double().nullable(any_nullable(args))
}

/// A function that is not defined everywhere.
fn infer_partial(_: &[Argument]) -> ExprType {
    ExprType::double().nullable(true)
}

/// Error 1690 for `name(args)`.
fn out_of_range(call: &Invocation<'_>, kind: &'static str) -> Error {
    let mut expression = format!("{}(", call.call.function().name);
    for index in 0..call.count() {
        if index > 0 {
            expression.push(',');
        }
        // Writing to a String does not fail.
        let _ = write_value(&mut expression, call.value(index), &call.call.args()[index]);
    }
    expression.push(')');
    Error::OutOfRange { kind, expression }
}

fn one(call: &Invocation<'_>, function: fn(f64) -> f64) -> Result<Value> {
    let Some(x) = call.double(0) else { return Ok(Value::Null) };
    finite(function(x)).ok_or_else(|| out_of_range(call, "DOUBLE"))
}

fn two(call: &Invocation<'_>, function: fn(f64, f64) -> f64) -> Result<Value> {
    let (Some(x), Some(y)) = (call.double(0), call.double(1)) else { return Ok(Value::Null) };
    finite(function(x, y)).ok_or_else(|| out_of_range(call, "DOUBLE"))
}

fn atan(call: &Invocation<'_>) -> Result<Value> {
    if call.count() == 2 { two(call, f64::atan2) } else { one(call, f64::atan) }
}

/// NULL outside of -1 to 1.
fn arc(call: &Invocation<'_>, function: fn(f64) -> f64) -> Result<Value> {
    Ok(call.double(0).filter(|x| x.abs() <= 1.0).map_or(Value::Null, |x| Value::Double(function(x))))
}

fn sqrt(call: &Invocation<'_>) -> Result<Value> {
    Ok(call.double(0).filter(|x| *x >= 0.0).map_or(Value::Null, |x| Value::Double(x.sqrt())))
}

/// NULL, with the warning of a division by zero, for what has no logarithm.
fn logarithm(call: &Invocation<'_>, function: fn(f64) -> f64) -> Result<Value> {
    let Some(x) = call.double(0) else { return Ok(Value::Null) };
    if x <= 0.0 {
        call.context.warnings.division_by_zero();
        return Ok(Value::Null);
    }
    Ok(Value::Double(function(x)))
}

/// LOG(x), or LOG(base, x).
fn log(call: &Invocation<'_>) -> Result<Value> {
    if call.count() == 1 {
        return logarithm(call, f64::ln);
    }
    let (Some(base), Some(x)) = (call.double(0), call.double(1)) else { return Ok(Value::Null) };
    if base <= 0.0 || x <= 0.0 || base == 1.0 {
        call.context.warnings.division_by_zero();
        return Ok(Value::Null);
    }
    Ok(Value::Double(x.ln() / base.ln()))
}

fn sign(call: &Invocation<'_>) -> Result<Value> {
    Ok(call.double(0).map_or(Value::Null, |x| {
        Value::Int(if x > 0.0 {
            1
        } else if x < 0.0 {
            -1
        } else {
            0
        })
    }))
}

fn infer_abs(args: &[Argument]) -> ExprType {
    let arg = &args[0].expr_type;
    match number_class(arg) {
        Class::Integer if arg.data_type.class() == Class::Temporal => {
            ExprType::decimal(arg.precision.into(), 0)
        }
        Class::Integer => ExprType::integer(arg.length, is_unsigned(arg)),
        Class::Decimal => ExprType::decimal(arg.precision.into(), arg.decimal_scale()),
        _ => ExprType::fixed_double(arg.decimals),
    }
    .nullable(arg.nullable)
}

fn abs(call: &Invocation<'_>) -> Result<Value> {
    let result = call.call.result();
    match result.data_type.class() {
        Class::Integer => {
            let Some(number) = call.integer(0) else { return Ok(Value::Null) };
            convert::integer_value(number.abs(), result.data_type.is_unsigned())
                .ok_or_else(|| out_of_range(call, "BIGINT"))
        }
        Class::Decimal => Ok(call.decimal(0).map_or(Value::Null, |number| Value::decimal(number.abs()))),
        _ => Ok(call.double(0).map_or(Value::Null, |number| Value::Double(number.abs()))),
    }
}

/// Fewest digits of an integer that may not fit INT.
const INT_DIGITS: u8 = 10;
/// Most digits of a DECIMAL whose whole part is sure to fit BIGINT.
const BIGINT_DIGITS: u32 = 18;

fn infer_whole(args: &[Argument]) -> ExprType {
    let arg = &args[0].expr_type;
    match number_class(arg) {
        Class::Integer => ExprType::integer(arg.length, is_unsigned(arg)),
        Class::Decimal if arg.integer_digits() < BIGINT_DIGITS => {
            ExprType::integer(arg.integer_digits() + 1, false)
        }
        Class::Decimal => ExprType::decimal(arg.integer_digits() + 1, 0),
        _ => ExprType::fixed_double(0),
    }
    .nullable(arg.nullable)
}

/// CEIL and FLOOR.
fn whole(call: &Invocation<'_>, mode: RoundingMode, double: fn(f64) -> f64) -> Result<Value> {
    let result = call.call.result();
    if number_class(&call.call.args()[0]) == Class::Double {
        return Ok(call.double(0).map_or(Value::Null, |number| Value::Double(double(number))));
    }
    let Some(number) = call.decimal(0) else { return Ok(Value::Null) };
    exact_result(call, &decimal::to_whole(&number, mode), result)
}

/// An exact number as the result's type.
fn exact_result(call: &Invocation<'_>, number: &BigDecimal, result: &ExprType) -> Result<Value> {
    match result.data_type.class() {
        Class::Integer => decimal::to_integer(number)
            .and_then(|integer| convert::integer_value(integer, result.data_type.is_unsigned()))
            .ok_or_else(|| out_of_range(call, "BIGINT")),
        _ => Ok(Value::decimal(number.clone())),
    }
}

/// How many decimals ROUND and TRUNCATE keep, if that is known.
fn constant_places(args: &[Argument]) -> Option<i64> {
    match args.get(1).map(|arg| &arg.constant) {
        None => Some(0),
        Some(Some(Value::Int(places))) => Some(*places),
        Some(Some(Value::Text(places))) => i64::try_from(number::parse_integer(places).value).ok(),
        Some(_) => None,
    }
}

/// Whether an argument is the constant NULL.
fn is_null_constant(arg: Option<&Argument>) -> bool {
    arg.is_some_and(|arg| arg.constant == Some(Value::Null))
}

fn infer_round(args: &[Argument], rounds: bool) -> ExprType {
    let arg = &args[0].expr_type;
    let places = constant_places(args);
    let kept = places.map(|places| u8::try_from(places.max(0)).unwrap_or(u8::MAX));
    let class = number_class(arg);
    match (class, kept) {
        // Rounding up may take one more digit.
        (Class::Integer, Some(_)) if places < Some(0) && rounds => {
            let digits = u32::from(arg.precision) + 1;
            if arg.precision >= INT_DIGITS {
                ExprType::decimal(digits, 0)
            } else {
                ExprType::integer(arg.length + 1, is_unsigned(arg))
            }
        }
        (Class::Integer, _) => ExprType::integer(arg.length, is_unsigned(arg)),
        (Class::Decimal | Class::Double, None) if is_null_constant(args.get(1)) => ExprType::double(),
        (Class::Decimal, None) => ExprType::decimal(arg.precision.into(), arg.decimal_scale()),
        (Class::Decimal, Some(kept)) => {
            let scale = kept.min(MAX_DECIMAL_SCALE);
            let carry = u32::from(rounds && scale < arg.decimal_scale());
            ExprType::decimal(arg.integer_digits() + carry + u32::from(scale), scale)
        }
        (_, kept) => ExprType::fixed_double(kept.unwrap_or(arg.decimals).min(NOT_FIXED_DECIMALS)),
    }
    .nullable(any_nullable(args))
}

fn round_to_scale(call: &Invocation<'_>) -> Result<Value> {
    let scale = i64::from(call.call.result().decimal_scale());
    Ok(call.decimal(0).map_or(Value::Null, |number| Value::decimal(decimal::round(&number, scale))))
}

/// ROUND, or TRUNCATE.
fn round(call: &Invocation<'_>, rounds: bool) -> Result<Value> {
    /// More places than any number has, either way.
    const MAX_PLACES: i128 = 400;
    let result = call.call.result();
    let places = match call.count() {
        1 => Some(0),
        _ => call.integer(1),
    };
    let (Some(_), Some(places)) = (call.not_null(0), places) else { return Ok(Value::Null) };
    let places = i64::try_from(places.clamp(-MAX_PLACES, MAX_PLACES)).unwrap_or(0);
    if result.data_type.class() == Class::Double {
        let Some(number) = call.double(0) else { return Ok(Value::Null) };
        return Ok(Value::Double(round_double(number, places, rounds)));
    }
    let Some(number) = call.decimal(0) else { return Ok(Value::Null) };
    let mode = if rounds { RoundingMode::HalfUp } else { RoundingMode::Down };
    let rounded = if places < -decimal::MAX_INTERNAL_DIGITS {
        decimal::zero(0)
    } else {
        let places = places.min(i64::from(MAX_DECIMAL_SCALE)).min(decimal::scale(&number).max(places.min(0)));
        number.with_scale_round(places, mode)
    };
    let scale = match result.data_type {
        DataType::Decimal { scale, .. } => i64::from(scale),
        _ => 0,
    };
    let shown = rounded.with_scale(decimal::scale(&rounded).max(scale));
    exact_result(call, &shown, result)
}

/// A floating point number rounded, ties to even as the processor does, or cut.
fn round_double(number: f64, places: i64, rounds: bool) -> f64 {
    let Ok(exponent) = i32::try_from(places.abs()) else { return number };
    let power = 10_f64.powi(exponent);
    let cut = |number: f64| if rounds { number.round_ties_even() } else { number.trunc() };
    if places < 0 {
        if power.is_infinite() { 0.0 } else { cut(number / power) * power }
    } else {
        let scaled = number * power;
        if scaled.is_finite() { cut(scaled) / power } else { number }
    }
}

/// RAND(), or RAND(N): a sequence that the seed determines.
fn rand(call: &Invocation<'_>) -> Result<Value> {
    if call.count() == 0 {
        return Ok(Value::Double(rand::random::<f64>()));
    }
    let seed = call.integer(0).unwrap_or(0).cast_unsigned() & u128::from(u32::MAX);
    let seed = u32::try_from(seed).unwrap_or(0);
    if !call.call.constant_args {
        return Ok(Value::Double(Random::new(seed).next()));
    }
    let mut generators = call.context.generators.lock();
    let generator =
        generators.entry(std::ptr::from_ref(call.call).addr()).or_insert_with(|| Random::new(seed));
    Ok(Value::Double(generator.next()))
}

fn infer_format(args: &[Argument]) -> ExprType {
    let digits = args[0].expr_type.length;
    let separators = digits / 3;
    let places = constant_places(args).map_or(i64::from(MAX_DECIMAL_SCALE), |places| places.max(0));
    let places = u32::try_from(places).unwrap_or(0).min(u32::from(MAX_DECIMAL_SCALE));
    ExprType::text(digits.saturating_add(separators).saturating_add(places + 1)).nullable(true)
}

/// A number with commas between thousands.
fn format(call: &Invocation<'_>) -> Result<Value> {
    let (Some(_), Some(places)) = (call.not_null(0), call.integer(1)) else { return Ok(Value::Null) };
    let places = i64::try_from(places.clamp(0, i128::from(MAX_DECIMAL_SCALE))).unwrap_or(0);
    let text = if number_class(&call.call.args()[0]) == Class::Double {
        let Some(number) = call.double(0) else { return Ok(Value::Null) };
        let rounded = round_double(number, places, true);
        let mut text = String::new();
        // Writing to a String does not fail.
        let _ = write_fixed(&mut text, rounded, u8::try_from(places).unwrap_or(0));
        text
    } else {
        let Some(number) = call.decimal(0) else { return Ok(Value::Null) };
        decimal::round(&number, places).to_plain_string()
    };
    let (sign, digits) = text.strip_prefix('-').map_or(("", text.as_str()), |digits| ("-", digits));
    let (whole, fraction) =
        digits.split_once('.').map_or((digits, None), |(whole, rest)| (whole, Some(rest)));
    let mut grouped = String::from(sign);
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if let Some(fraction) = fraction {
        grouped.push('.');
        grouped.push_str(fraction);
    }
    Ok(call.string(grouped))
}
