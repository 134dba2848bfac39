//! `+ - * / DIV % -`, on integers, exact and floating point numbers.

use bigdecimal::{BigDecimal, Zero};

use super::{Argument, DIVISION_INCREMENT, Function, Invocation, call::any_nullable};
use crate::{
    error::{Error, Result},
    sql::types::{
        Class, ExprType, MAX_DECIMAL_PRECISION, MAX_DECIMAL_SCALE, Value, convert, decimal, write_value,
    },
};

pub(super) static ADD: Function = Function::new("+", (2, 2), infer_sum, add).numeric();
pub(super) static SUBTRACT: Function = Function::new("-", (2, 2), infer_sum, subtract).numeric();
pub(super) static MULTIPLY: Function = Function::new("*", (2, 2), infer_product, multiply).numeric();
pub(super) static DIVIDE: Function = Function::new("/", (2, 2), infer_quotient, divide).numeric();
pub(super) static INT_DIVIDE: Function =
    Function::new("div", (2, 2), infer_int_quotient, int_divide).numeric();
pub(super) static MODULO: Function = Function::new("%", (2, 2), infer_remainder, modulo).numeric();
pub(super) static NEGATE: Function = Function::new("-", (1, 1), infer_negation, negate).numeric();

/// What kind of number a value of this type is in arithmetic.
pub(super) fn number_class(expr_type: &ExprType) -> Class {
    match expr_type.data_type.class() {
        _ if expr_type.hex_literal => Class::Integer,
        Class::Temporal if expr_type.decimals == 0 => Class::Integer,
        Class::Temporal => Class::Decimal,
        Class::String => Class::Double,
        class => class,
    }
}

/// The kind of number that an operation on these yields.
fn common_class(args: &[Argument]) -> Class {
    let mut common = Class::Integer;
    for arg in args {
        match (common, number_class(&arg.expr_type)) {
            (_, Class::Double) => return Class::Double,
            (_, Class::Decimal) => common = Class::Decimal,
            _ => {}
        }
    }
    common
}

pub(super) fn is_unsigned(expr_type: &ExprType) -> bool {
    expr_type.data_type.is_unsigned() || expr_type.hex_literal
}

fn any_unsigned(args: &[Argument]) -> bool {
    let has_temporal = args.iter().any(|arg| arg.expr_type.data_type.class() == Class::Temporal);
    !has_temporal && args.iter().any(|arg| is_unsigned(&arg.expr_type))
}

/// Decimals of a floating point result of arguments with these.
fn double_decimals(args: &[Argument]) -> u8 {
    args.iter().map(|arg| arg.expr_type.decimals).max().unwrap_or(0)
}

fn infer_sum(args: &[Argument]) -> ExprType {
    let (a, b) = (&args[0].expr_type, &args[1].expr_type);
    let scale = a.decimal_scale().max(b.decimal_scale());
    let precision = a.integer_digits().max(b.integer_digits()) + 1 + u32::from(scale);
    infer(args, precision, scale, double_decimals(args))
}

fn infer_product(args: &[Argument]) -> ExprType {
    let (a, b) = (&args[0].expr_type, &args[1].expr_type);
    let scale = (a.decimal_scale() + b.decimal_scale()).min(MAX_DECIMAL_SCALE);
    let decimals = a.decimals.saturating_add(b.decimals);
    infer(args, u32::from(a.precision) + u32::from(b.precision), scale, decimals)
}

/// The type of a sum or product of so many digits.
fn infer(args: &[Argument], precision: u32, scale: u8, decimals: u8) -> ExprType {
    let unsigned = any_unsigned(args);
    match common_class(args) {
        Class::Integer => ExprType::integer(precision + u32::from(!unsigned), unsigned),
        Class::Decimal => ExprType::decimal(precision, scale),
        _ => ExprType::fixed_double(decimals),
    }
    .nullable(any_nullable(args))
}

fn infer_quotient(args: &[Argument]) -> ExprType {
    let (a, b) = (&args[0].expr_type, &args[1].expr_type);
    let scale = (a.decimal_scale() + DIVISION_INCREMENT).min(MAX_DECIMAL_SCALE);
    let precision = u32::from(a.precision) + u32::from(b.decimal_scale()) + u32::from(DIVISION_INCREMENT);
    match common_class(args) {
        Class::Integer | Class::Decimal => ExprType::decimal(precision, scale),
        _ => ExprType::fixed_double(double_decimals(args).saturating_add(DIVISION_INCREMENT)),
    }
    .nullable(true)
}

fn infer_int_quotient(args: &[Argument]) -> ExprType {
    let dividend = &args[0].expr_type;
    let length = match dividend.data_type.class() {
        Class::Decimal => dividend.length.saturating_sub(u32::from(dividend.decimals) + 1),
        Class::Temporal => dividend.integer_digits(),
        _ => dividend.length,
    };
    let unsigned = args.iter().any(|arg| is_unsigned(&arg.expr_type));
    ExprType::integer(length, unsigned).nullable(true)
}

pub(super) fn infer_remainder(args: &[Argument]) -> ExprType {
    let (a, b) = (&args[0].expr_type, &args[1].expr_type);
    let scale = a.decimal_scale().max(b.decimal_scale());
    let digits = a.integer_digits().max(b.integer_digits());
    match common_class(args) {
        Class::Integer => {
            let unsigned = is_unsigned(a);
            ExprType::integer(u32::from(a.precision.max(b.precision)) + u32::from(!unsigned), unsigned)
        }
        Class::Decimal => ExprType::decimal(digits + u32::from(scale), scale),
        _ => ExprType::fixed_double(double_decimals(args)),
    }
    .nullable(true)
}

fn infer_negation(args: &[Argument]) -> ExprType {
    let arg = &args[0].expr_type;
    match number_class(arg) {
        Class::Integer if matches!(args[0].constant, Some(Value::Int(i64::MIN))) => ExprType::decimal(19, 0),
        Class::Integer if matches!(args[0].constant, Some(Value::UInt(value)) if value > 1 << 63) => {
            ExprType::decimal(u32::from(arg.precision), 0)
        }
        Class::Integer if arg.data_type.class() == Class::Temporal => {
            ExprType::decimal(arg.precision.into(), 0)
        }
        Class::Integer => ExprType { precision: arg.precision, ..ExprType::integer(arg.length + 1, false) },
        Class::Decimal => ExprType::decimal(u32::from(arg.precision), arg.decimal_scale()),
        _ => ExprType { length: arg.length.saturating_add(1), ..ExprType::fixed_double(arg.decimals) },
    }
    .nullable(arg.nullable)
}

/// How an operation works on each kind of number; None on overflow.
struct Operation {
    sign: &'static str,
    integer: fn(i128, i128) -> Option<i128>,
    decimal: fn(&BigDecimal, &BigDecimal) -> Option<BigDecimal>,
    double: fn(f64, f64) -> f64,
}

impl Operation {
    fn apply(&self, call: &Invocation<'_>) -> Result<Value> {
        let result = call.call.result();
        match result.data_type.class() {
            Class::Integer => {
                if let (Value::Int(a), Value::Int(b), false) =
                    (call.value(0), call.value(1), result.data_type.is_unsigned())
                {
                    let exact = (self.integer)(i128::from(*a), i128::from(*b));
                    return exact
                        .and_then(|exact| i64::try_from(exact).ok())
                        .map(Value::Int)
                        .ok_or_else(|| self.overflow(call, "BIGINT"));
                }
                let (Some(a), Some(b)) = (call.integer(0), call.integer(1)) else { return Ok(Value::Null) };
                let unsigned = result.data_type.is_unsigned();
                (self.integer)(a, b)
                    .and_then(|exact| convert::integer_value(exact, unsigned))
                    .ok_or_else(|| self.overflow(call, if unsigned { "BIGINT UNSIGNED" } else { "BIGINT" }))
            }
            Class::Decimal => {
                let (Some(a), Some(b)) = (call.decimal(0), call.decimal(1)) else { return Ok(Value::Null) };
                (self.decimal)(&a, &b)
                    .filter(|exact| decimal::integer_digits(exact) <= i64::from(MAX_DECIMAL_PRECISION))
                    .map(Value::decimal)
                    .ok_or_else(|| self.overflow(call, "DECIMAL"))
            }
            _ => {
                let (Some(a), Some(b)) = (call.double(0), call.double(1)) else { return Ok(Value::Null) };
                finite((self.double)(a, b)).ok_or_else(|| self.overflow(call, "DOUBLE"))
            }
        }
    }

    fn overflow(&self, call: &Invocation<'_>, kind: &'static str) -> Error {
        overflow(call, self.sign, kind)
    }
}

/// A floating point number as a value; None if it is beyond the range.
pub(super) fn finite(value: f64) -> Option<Value> {
    value.is_finite().then_some(Value::Double(value))
}

/// Error 1690 for `a sign b`.
fn overflow(call: &Invocation<'_>, sign: &str, kind: &'static str) -> Error {
    let mut expression = String::new();
    for index in 0..call.count() {
        if index > 0 {
            expression.push_str(&format!(" {sign} "));
        }
        // Writing to a String does not fail.
        let _ = write_value(&mut expression, call.value(index), &call.call.args()[index]);
    }
    Error::OutOfRange { kind, expression }
}

fn add(call: &Invocation<'_>) -> Result<Value> {
    Operation { sign: "+", integer: i128::checked_add, decimal: decimal::add, double: |a, b| a + b }
        .apply(call)
}

fn subtract(call: &Invocation<'_>) -> Result<Value> {
    Operation { sign: "-", integer: i128::checked_sub, decimal: decimal::subtract, double: |a, b| a - b }
        .apply(call)
}

fn multiply(call: &Invocation<'_>) -> Result<Value> {
    Operation { sign: "*", integer: i128::checked_mul, decimal: decimal::multiply, double: |a, b| a * b }
        .apply(call)
}

fn divide(call: &Invocation<'_>) -> Result<Value> {
    if call.call.result().data_type.class() == Class::Double {
        let (Some(a), Some(b)) = (call.double(0), call.double(1)) else { return Ok(Value::Null) };
        return if b == 0.0 {
            Ok(division_by_zero(call))
        } else {
            finite(a / b).ok_or_else(|| overflow(call, "/", "DOUBLE"))
        };
    }
    let (Some(a), Some(b)) = (call.decimal(0), call.decimal(1)) else { return Ok(Value::Null) };
    if b.is_zero() {
        return Ok(division_by_zero(call));
    }
    decimal::divide(&a, &b, i64::from(DIVISION_INCREMENT))
        .map(Value::decimal)
        .ok_or_else(|| overflow(call, "/", "DECIMAL"))
}

fn int_divide(call: &Invocation<'_>) -> Result<Value> {
    let unsigned = call.call.result().data_type.is_unsigned();
    let is_integer = |index: usize| number_class(&call.call.args()[index]) == Class::Integer;
    let quotient = if is_integer(0) && is_integer(1) {
        let (Some(a), Some(b)) = (call.integer(0), call.integer(1)) else { return Ok(Value::Null) };
        if b == 0 {
            return Ok(division_by_zero(call));
        }
        Some(a / b)
    } else {
        let (Some(a), Some(b)) = (call.decimal(0), call.decimal(1)) else { return Ok(Value::Null) };
        if b.is_zero() {
            return Ok(division_by_zero(call));
        }
        decimal::divide(&a, &b, 0)
            .map(|quotient| decimal::to_whole(&quotient, bigdecimal::RoundingMode::Down))
            .and_then(|quotient| decimal::to_integer(&quotient))
    };
    quotient
        .and_then(|quotient| convert::integer_value(quotient, unsigned))
        .ok_or_else(|| overflow(call, "DIV", if unsigned { "BIGINT UNSIGNED" } else { "BIGINT" }))
}

pub(super) fn modulo(call: &Invocation<'_>) -> Result<Value> {
    let result = call.call.result();
    match result.data_type.class() {
        Class::Integer => {
            let (Some(a), Some(b)) = (call.integer(0), call.integer(1)) else { return Ok(Value::Null) };
            if b == 0 {
                return Ok(division_by_zero(call));
            }
            convert::integer_value(a % b, result.data_type.is_unsigned())
                .ok_or_else(|| overflow(call, "MOD", "BIGINT"))
        }
        Class::Decimal => {
            let (Some(a), Some(b)) = (call.decimal(0), call.decimal(1)) else { return Ok(Value::Null) };
            if b.is_zero() {
                return Ok(division_by_zero(call));
            }
            Ok(Value::decimal(decimal::remainder(&a, &b)))
        }
        _ => {
            let (Some(a), Some(b)) = (call.double(0), call.double(1)) else { return Ok(Value::Null) };
            if b == 0.0 {
                return Ok(division_by_zero(call));
            }
            Ok(Value::Double(a % b))
        }
    }
}

fn negate(call: &Invocation<'_>) -> Result<Value> {
    match call.call.result().data_type.class() {
        Class::Integer => {
            let Some(value) = call.integer(0) else { return Ok(Value::Null) };
            convert::integer_value(-value, false)
                .ok_or_else(|| Error::OutOfRange { kind: "BIGINT", expression: format!("-{value}") })
        }
        Class::Decimal => Ok(call.decimal(0).map_or(Value::Null, |value| Value::decimal(-value))),
        _ => Ok(call.double(0).map_or(Value::Null, |value| Value::Double(-value))),
    }
}

fn division_by_zero(call: &Invocation<'_>) -> Value {
    call.context.warnings.division_by_zero();
    Value::Null
}
