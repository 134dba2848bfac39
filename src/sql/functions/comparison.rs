//! `= <=> <> < <= > >=`, BETWEEN, IN, and the functions that choose by comparing.

use std::{borrow::Cow, cmp::Ordering};

use super::{
    ANY, Argument, Function, Invocation, LazyInvocation,
    call::{any_nullable, boolean, infer_boolean, infer_truth},
    result_type,
    time::{fraction_of, fraction_of_span},
};
use crate::{
    error::Result,
    sql::types::{Class, Comparison, DataType, ExprType, Value, hex_number},
};

pub(super) static EQUAL: Function =
    Function::new("=", (2, 2), infer_boolean, |call| test(call, Ordering::is_eq));
pub(super) static NOT_EQUAL: Function =
    Function::new("<>", (2, 2), infer_boolean, |call| test(call, Ordering::is_ne));
pub(super) static LESS: Function =
    Function::new("<", (2, 2), infer_boolean, |call| test(call, Ordering::is_lt));
pub(super) static LESS_OR_EQUAL: Function =
    Function::new("<=", (2, 2), infer_boolean, |call| test(call, Ordering::is_le));
pub(super) static GREATER: Function =
    Function::new(">", (2, 2), infer_boolean, |call| test(call, Ordering::is_gt));
pub(super) static GREATER_OR_EQUAL: Function =
    Function::new(">=", (2, 2), infer_boolean, |call| test(call, Ordering::is_ge));
pub(super) static NULL_SAFE_EQUAL: Function = Function::new("<=>", (2, 2), infer_truth, null_safe_equal);
pub(super) static BETWEEN: Function =
    Function::new("between", (3, 3), infer_boolean, |call| between(call, true));
pub(super) static NOT_BETWEEN: Function =
    Function::new("not between", (3, 3), infer_boolean, |call| between(call, false));
pub(super) static IN: Function = Function::lazy("in", (2, ANY), infer_boolean, |call| is_in(call, true));
pub(super) static NOT_IN: Function =
    Function::lazy("not in", (2, ANY), infer_boolean, |call| is_in(call, false));

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("greatest", (2, ANY), infer_extreme, |call| extreme(call, Ordering::Greater)),
    Function::new("least", (2, ANY), infer_extreme, |call| extreme(call, Ordering::Less)),
    Function::new("interval", (2, ANY), infer_position, interval).in_grammar().numeric(),
    Function::new("field", (2, ANY), infer_position, field),
    Function::new("strcmp", (2, 2), infer_strcmp, strcmp),
    Function::new("isnull", (1, 1), infer_truth, |call| Ok(boolean(Some(call.value(0).is_null())))),
];

/// Compares two arguments as their types ask for.
fn compare(call: &Invocation<'_>, a: usize, b: usize) -> Option<Ordering> {
    let types = call.call.args();
    compare_values(call.value(a), call.value(b), &types[a], &types[b], call.context)
}

/// Compares two values as their types ask for; None if one is NULL.
pub(super) fn compare_values(
    a: &Value,
    b: &Value,
    type_a: &ExprType,
    type_b: &ExprType,
    context: &super::EvalContext,
) -> Option<Ordering> {
    let (type_a, type_b) = if type_a.hex_literal || type_b.hex_literal {
        (as_number_beside(type_a, type_b), as_number_beside(type_b, type_a))
    } else {
        (*type_a, *type_b)
    };
    let comparison = Comparison::of(&type_a, &type_b);
    let convert = context.converter();
    match (hex_value(a, &type_a), hex_value(b, &type_b)) {
        (None, None) => comparison.compare(a, b, &convert),
        (hex_a, hex_b) => {
            comparison.compare(hex_a.as_ref().unwrap_or(a), hex_b.as_ref().unwrap_or(b), &convert)
        }
    }
}

/// The type of a hexadecimal literal beside another value: a number beside numbers, else bytes.
fn as_number_beside(expr_type: &ExprType, other: &ExprType) -> ExprType {
    let beside_number = matches!(other.data_type.class(), Class::Integer | Class::Decimal | Class::Double);
    if expr_type.hex_literal && beside_number { ExprType::bigint(20, true) } else { *expr_type }
}

fn hex_value(value: &Value, expr_type: &ExprType) -> Option<Value> {
    match value {
        Value::Bytes(bytes) if expr_type.data_type.class() == Class::Integer => {
            Some(Value::UInt(hex_number(bytes)))
        }
        _ => None,
    }
}

fn test(call: &Invocation<'_>, holds: fn(Ordering) -> bool) -> Result<Value> {
    Ok(boolean(compare(call, 0, 1).map(holds)))
}

fn null_safe_equal(call: &Invocation<'_>) -> Result<Value> {
    let equal = match (call.value(0), call.value(1)) {
        (Value::Null, Value::Null) => true,
        (Value::Null, _) | (_, Value::Null) => false,
        _ => compare(call, 0, 1) == Some(Ordering::Equal),
    };
    Ok(boolean(Some(equal)))
}

/// The form in which all of these are compared with each other.
fn common_comparison(types: &[ExprType]) -> Comparison {
    let mut common = Comparison::same(&types[0]);
    let mut so_far = types[0];
    for next in &types[1..] {
        common = Comparison::of(&so_far, next);
        so_far = match common {
            Comparison::Integer => ExprType::bigint(20, false),
            Comparison::Decimal => ExprType::decimal(65, 0),
            Comparison::Double => ExprType::double(),
            Comparison::Time => ExprType::new(DataType::Time(6)),
            Comparison::DateTime => ExprType::new(DataType::DateTime(6)),
            Comparison::Text => ExprType::text(1),
            Comparison::Bytes => ExprType::bytes(1),
        };
    }
    common
}

fn between(call: &Invocation<'_>, inside: bool) -> Result<Value> {
    if call.value(0).is_null() {
        return Ok(Value::Null);
    }
    let comparison = common_comparison(call.call.args());
    let convert = call.context.converter();
    let value = call.value(0);
    let above = comparison.compare(value, call.value(1), &convert).map(Ordering::is_ge);
    let below = comparison.compare(value, call.value(2), &convert).map(Ordering::is_le);
    let holds = match (above, below) {
        (Some(true), Some(true)) => Some(true),
        (Some(false), _) | (_, Some(false)) => Some(false),
        _ => None,
    };
    Ok(boolean(holds.map(|holds| holds == inside)))
}

fn is_in(call: &mut LazyInvocation<'_, '_>, inside: bool) -> Result<Value> {
    let value = call.value(0)?;
    if value.is_null() {
        return Ok(Value::Null);
    }
    let types = call.call.args();
    let mut result = Some(!inside);
    for index in 1..call.count() {
        let candidate = call.value(index)?;
        match compare_values(&value, &candidate, &types[0], &types[index], call.context) {
            Some(Ordering::Equal) => return Ok(boolean(Some(inside))),
            Some(_) => {}
            None => result = None,
        }
    }
    Ok(boolean(result))
}

/// The type of GREATEST and LEAST: temporal if one argument is, a number if texts meet numbers.
fn infer_extreme(args: &[Argument]) -> ExprType {
    let has = |class| args.iter().any(|arg| arg.expr_type.data_type.class() == class);
    let has_number = has(Class::Integer) || has(Class::Decimal) || has(Class::Double);
    if has(Class::Temporal) {
        let temporal = args.iter().filter(|arg| arg.expr_type.data_type.class() == Class::Temporal);
        let combined = result_type::combine_args(temporal);
        let is_span = matches!(combined.data_type, DataType::Time(_));
        let fraction = if is_span { fraction_of_span } else { fraction_of };
        let fsp = args.iter().map(fraction).max().unwrap_or(0);
        // What is no moment becomes NULL.
        let mixed = args.iter().any(|arg| arg.expr_type.data_type.class() != Class::Temporal);
        return ExprType::new(match combined.data_type {
            DataType::Time(_) => DataType::Time(fsp),
            DataType::DateTime(_) | DataType::Timestamp(_) => DataType::DateTime(fsp),
            data_type => data_type,
        })
        .nullable(mixed || any_nullable(args));
    }
    let combined = if has_number && has(Class::String) {
        let decimals = args.iter().map(|arg| arg.expr_type.decimals).max().unwrap_or(0);
        ExprType::fixed_double(decimals)
    } else {
        result_type::combine_args(args)
    };
    combined.nullable(any_nullable(args))
}

/// The greatest or least argument, as a value of the common type; NULL if one is NULL.
fn extreme(call: &Invocation<'_>, wanted: Ordering) -> Result<Value> {
    let result = call.call.result();
    let comparison = Comparison::same(result);
    let convert = call.context.converter();
    let mut best = Value::Null;
    for index in 0..call.count() {
        let types = call.call.args();
        let value = match hex_value(call.value(index), &as_number_beside(&types[index], result)) {
            Some(number) => Cow::Owned(number),
            None => Cow::Borrowed(call.value(index)),
        };
        let value = result_type::convert(value, &call.call.args()[index], result, call.context);
        if value.is_null() {
            // What names no moment comes before all moments.
            let is_span = matches!(result.data_type, DataType::Time(_));
            if call.value(index).is_null() || is_span || wanted == Ordering::Less {
                return Ok(Value::Null);
            }
            continue;
        }
        if best.is_null() || comparison.compare(&value, &best, &convert) == Some(wanted) {
            best = value;
        }
    }
    Ok(best)
}

fn infer_position(_: &[Argument]) -> ExprType {
    ExprType::int(3)
}

/// How many of the arguments after the first are not greater than it; they ascend.
fn interval(call: &Invocation<'_>) -> Result<Value> {
    let Some(value) = call.double(0) else { return Ok(Value::Int(-1)) };
    let above = (1..call.count()).find(|index| call.double(*index).is_some_and(|bound| value < bound));
    let position = above.unwrap_or(call.count()) - 1;
    Ok(Value::Int(i64::try_from(position).unwrap_or(i64::MAX)))
}

/// The position of the first argument among the others; 0 if it is none of them.
fn field(call: &Invocation<'_>) -> Result<Value> {
    if call.value(0).is_null() {
        return Ok(Value::Int(0));
    }
    let comparison = common_comparison(call.call.args());
    let convert = call.context.converter();
    let found = (1..call.count()).find(|index| {
        comparison.compare(call.value(0), call.value(*index), &convert) == Some(Ordering::Equal)
    });
    Ok(Value::Int(found.and_then(|index| i64::try_from(index).ok()).unwrap_or(0)))
}

fn infer_strcmp(args: &[Argument]) -> ExprType {
    ExprType::int(2).nullable(any_nullable(args))
}

fn strcmp(call: &Invocation<'_>) -> Result<Value> {
    let (Some(a), Some(b)) = (call.bytes(0), call.bytes(1)) else { return Ok(Value::Null) };
    let ordering = if call.call.args().iter().any(|arg| arg.data_type.is_binary()) {
        a.cmp(&b)
    } else {
        crate::sql::types::compare::compare_padded(&a, &b)
    };
    Ok(Value::Int(ordering as i64))
}
