//! CASE, IF and their kin: functions that compute only the arguments they need.

use std::cmp::Ordering;

use super::{ANY, Argument, Function, LazyInvocation, comparison::compare_values, result_type::combine_args};
use crate::{
    error::Result,
    sql::types::{DataType, ExprType, Value, convert},
};

pub(super) static CASE_WHEN: Function = Function::lazy("case", (2, ANY), infer_case_when, case_when);
pub(super) static CASE_VALUE: Function = Function::lazy("case", (3, ANY), infer_case_value, case_value);

pub(super) static FUNCTIONS: &[Function] = &[
    Function::lazy("if", (3, 3), infer_if, if_then).in_grammar(),
    Function::lazy("ifnull", (2, 2), infer_coalesce, coalesce),
    Function::lazy("nvl", (2, 2), infer_coalesce, coalesce),
    Function::lazy("coalesce", (1, ANY), infer_coalesce, coalesce).in_grammar(),
    Function::lazy("nullif", (2, 2), infer_nullif, nullif),
    Function::lazy("nvl2", (3, 3), infer_if, nvl2),
    Function::lazy("elt", (2, ANY), infer_elt, elt),
];

fn infer_if(args: &[Argument]) -> ExprType {
    let (condition, yes, no) = (&args[0].expr_type, &args[1].expr_type, &args[2].expr_type);
    let common = match (yes.data_type, no.data_type) {
        (DataType::Null, DataType::Null) => ExprType::bytes(0),
        // Unlike in CASE, NULL changes nothing.
        (DataType::Null, DataType::Integer { .. }) => *no,
        (DataType::Integer { .. }, DataType::Null) => *yes,
        _ => combine_args(&args[1..]),
    };
    common.nullable(is_null(condition) || yes.nullable || no.nullable)
}

fn is_null(expr_type: &ExprType) -> bool {
    expr_type.data_type == DataType::Null
}

fn if_then(call: &mut LazyInvocation<'_, '_>) -> Result<Value> {
    let chosen = if call.truth(0)? == Some(true) { 1 } else { 2 };
    call.result(chosen)
}

fn nvl2(call: &mut LazyInvocation<'_, '_>) -> Result<Value> {
    let chosen = if call.value(0)?.is_null() { 2 } else { 1 };
    call.result(chosen)
}

fn infer_coalesce(args: &[Argument]) -> ExprType {
    combine_args(args).nullable(args.iter().all(|arg| arg.expr_type.nullable))
}

fn coalesce(call: &mut LazyInvocation<'_, '_>) -> Result<Value> {
    for index in 0..call.count() {
        let value = call.result(index)?;
        if !value.is_null() {
            return Ok(value);
        }
    }
    Ok(Value::Null)
}

fn infer_nullif(args: &[Argument]) -> ExprType {
    ExprType { hex_literal: false, ..args[0].expr_type }.nullable(true)
}

fn nullif(call: &mut LazyInvocation<'_, '_>) -> Result<Value> {
    let (a, b) = (call.value(0)?, call.value(1)?);
    let types = call.call.args();
    let equal = compare_values(&a, &b, &types[0], &types[1], call.context) == Some(Ordering::Equal);
    Ok(if equal { Value::Null } else { a.into_owned() })
}

/// The branches of a CASE: the results, at `first` and every second argument after it, and an ELSE at the end.
fn branches(args: &[Argument], first: usize) -> Vec<&Argument> {
    let has_else = (args.len() - first).is_multiple_of(2);
    let mut branches: Vec<_> = args.iter().skip(first).step_by(2).collect();
    if has_else {
        branches.extend(args.last());
    }
    branches
}

/// The common type of a CASE's branches, the first of which is the argument `first`.
fn infer_case(args: &[Argument], first: usize) -> ExprType {
    let branches = branches(args, first);
    let has_else = (args.len() - first).is_multiple_of(2);
    let common = combine_args(branches.iter().copied());
    let nullable = !has_else || common.nullable || is_null(&args[0].expr_type);
    common.nullable(nullable)
}

fn infer_case_when(args: &[Argument]) -> ExprType {
    infer_case(args, 1)
}

fn case_when(call: &mut LazyInvocation<'_, '_>) -> Result<Value> {
    let count = call.count();
    for condition in (0..count - 1).step_by(2) {
        if call.truth(condition)? == Some(true) {
            return call.result(condition + 1);
        }
    }
    if count % 2 == 1 { call.result(count - 1) } else { Ok(Value::Null) }
}

fn infer_case_value(args: &[Argument]) -> ExprType {
    let compares_null = args[1..args.len() - 1].iter().step_by(2).any(|arg| is_null(&arg.expr_type));
    let common = infer_case(args, 2);
    common.nullable(common.nullable || compares_null)
}

fn case_value(call: &mut LazyInvocation<'_, '_>) -> Result<Value> {
    let count = call.count();
    let types = call.call.args();
    let value = call.value(0)?;
    for index in (1..count - 1).step_by(2) {
        let candidate = call.value(index)?;
        if compare_values(&value, &candidate, &types[0], &types[index], call.context) == Some(Ordering::Equal)
        {
            return call.result(index + 1);
        }
    }
    if count.is_multiple_of(2) { call.result(count - 1) } else { Ok(Value::Null) }
}

fn infer_elt(args: &[Argument]) -> ExprType {
    let choices = &args[1..];
    let binary = choices.iter().any(|arg| arg.expr_type.data_type.is_binary())
        || choices.iter().all(|arg| is_null(&arg.expr_type));
    let length = choices.iter().map(|arg| arg.expr_type.length).max().unwrap_or(0);
    ExprType::string(length, binary).nullable(true)
}

fn elt(call: &mut LazyInvocation<'_, '_>) -> Result<Value> {
    let position = call.context.converter().integer(&*call.value(0)?);
    let Some(index) = position.and_then(|position| usize::try_from(position).ok()) else {
        return Ok(Value::Null);
    };
    if index == 0 || index >= call.count() {
        return Ok(Value::Null);
    }
    let value = call.value(index)?;
    let expr_type = &call.call.args()[index];
    Ok(if call.call.result().data_type.is_binary() {
        convert::to_bytes(&value, expr_type).map_or(Value::Null, |bytes| Value::Bytes(bytes.into()))
    } else {
        convert::to_text(&value, expr_type).map_or(Value::Null, Value::text)
    })
}
